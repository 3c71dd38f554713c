import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { readMultiFile } from '../../../cli/multi-file/read.ts'
import { aFolder, asJson, keysOfAllTypes, newJid } from '../import/builders.ts'
import { scratchPath } from '../import/forms/scratch-files.ts'
import { made, readable, unusable } from './device-folder.ts'

test('a folder of Baileys gives all its keys, and the same digest until a file changes', async () => {
  const folder = scratchPath('whole')
  const keys = keysOfAllTypes()
  const creds = await aFolder(folder, { keys })

  const first = await readable(folder)
  const second = await readable(folder)
  writeFileSync(join(folder, 'device-list-15550101.json'), '["0"]')
  const third = await readable(folder)

  assert.deepEqual(asJson(first.creds), asJson(creds))
  assert.deepEqual(asJson(first.keys), asJson(keys))
  assert.deepEqual(first.leftOut, [])
  assert.equal(first.digest, second.digest)
  assert.notEqual(first.digest, third.digest)
})

describe('names that other systems have changed:', () => {
  test('creds in other letters are taken, and a note says so', async () => {
    const { folder, at } = await made('capital')
    renameSync(at('creds.json'), at('Creds.json'))

    assert.deepEqual((await readable(folder)).leftOut, ['Creds.json was taken for creds.json'])
  })

  test('keys in capitals are refused, because the case of ids counts', async () => {
    const { folder, at } = await made('capitals')
    renameSync(at('device-list-15550100100.json'), at('DEVICE-LIST-15550100100.JSON'))

    assert.match(await unusable(folder), /DEVICE-LIST-15550100100\.JSON had small letters: copy .* again/)
  })

  test('copies that Windows numbers are left out, and its own files go without a word', async () => {
    const { folder, at } = await made('windows')
    writeFileSync(at('device-list-15550100100 (1).json'), '["7"]')
    writeFileSync(at('device-list-15550100100.json:Zone.Identifier'), '')
    writeFileSync(at('desktop.ini'), '')

    const { keys, leftOut } = await readable(folder)

    assert.deepEqual(keys['device-list'], { '15550100100': ['0'] })
    assert.deepEqual(leftOut, ['device-list-15550100100 (1).json is not a file of Baileys'])
  })
})

describe('the files of a folder are looked at before they are read:', () => {
  test('a pipe makes it unusable, as creds and as a key', async () => {
    const { folder, at } = await made('pipes')
    execFileSync('mkfifo', [at('session-15550100101.0.json')])
    const key = await unusable(folder)
    rmSync(at('creds.json'))
    execFileSync('mkfifo', [at('creds.json')])

    assert.equal(key, 'session-15550100101.0.json is a pipe')
    assert.equal(await unusable(folder), 'creds.json is a pipe')
  })

  test('a file larger than any of Baileys makes it unusable', async () => {
    const { folder, at } = await made('large')
    writeFileSync(at('session-15550100101.0.json'), '')
    truncateSync(at('session-15550100101.0.json'), 300_000_000)
    const key = await unusable(folder)
    truncateSync(at('creds.json'), 5_000_000_000)

    assert.equal(key, 'session-15550100101.0.json has 300 MB, and no such file has more than 8')
    assert.match(await unusable(folder), /^creds\.json has 5000 MB/)
  })

  test('app state that is so large is left out, because WhatsApp sends it again', async () => {
    const { folder, at } = await made('large-app-state')
    writeFileSync(at('app-state-sync-version-regular.json'), '')
    truncateSync(at('app-state-sync-version-regular.json'), 9_000_000)

    assert.deepEqual((await readable(folder)).leftOut, [
      'app-state-sync-version-regular.json has 9 MB, and no such file has more than 8; WhatsApp sends it again',
    ])
  })

  test('files that are too large together make it unusable', async () => {
    const { folder, at } = await made('many-large')
    for (let id = 0; id < 40; id += 1) {
      writeFileSync(at(`pre-key-${id}.json`), '')
      truncateSync(at(`pre-key-${id}.json`), 7_000_000)
    }

    assert.match(await unusable(folder), /more than 256 MB together/)
  })

  test('links to files are followed, and a broken one makes it unusable', async () => {
    const { folder, at, creds } = await made('linked')
    renameSync(at('creds.json'), scratchPath('creds-elsewhere'))
    symlinkSync(scratchPath('creds-elsewhere'), at('creds.json'))
    const followed = await readable(folder)
    symlinkSync(at('nowhere'), at('pre-key-1.json'))

    assert.deepEqual(asJson(followed.creds), asJson(creds))
    assert.match(await unusable(folder), /^pre-key-1\.json cannot be read: ENOENT/)
  })
})

describe('a key file is left out with its reason:', () => {
  const damaged: readonly (readonly [string, string | Uint8Array, string])[] = [
    ['empty', '', 'it is empty'],
    ['cut short', '{"a":', 'it is not JSON'],
    ['nothing but zeros', Buffer.alloc(100), 'it is not JSON'],
    ['bytes that are no text', Buffer.from('"\xff"', 'latin1'), 'it is no text'],
    ['null', 'null', 'it holds no key'],
    ['brackets without end', '['.repeat(1_000_000), 'it is not JSON'],
  ]
  for (const [name, content, why] of damaged) {
    test(name, async () => {
      const { folder, at } = await made(`damaged-${name}`)
      writeFileSync(at('pre-key-1.json'), content)

      assert.deepEqual((await readable(folder)).leftOut, [`pre-key-1.json is damaged: ${why}`])
    })
  }

  test('a folder with the name of a key', async () => {
    const { folder, at } = await made('folder-key')
    mkdirSync(at('pre-key-1.json'))

    assert.deepEqual((await readable(folder)).leftOut, ['pre-key-1.json is not a file of Baileys'])
  })
})

test('reading ends at a signal to stop', async () => {
  const { folder } = await made('stopped')

  await assert.rejects(readMultiFile(folder, AbortSignal.abort()), /interrupted/)
})

test('no message has a word of the content of a file', async () => {
  const { folder, at } = await made('secret')
  const jid = newJid()
  writeFileSync(at('pre-key-1.json'), `{"private": ${jid}`)
  writeFileSync(at('creds.json'), `{"noiseKey": ${jid}`)
  writeFileSync(at('creds.json.old'), `{"noiseKey": ${jid}`)

  assert.equal(await unusable(folder), 'its creds.json is damaged: it is not JSON')
})
