import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { AuthenticationCreds } from '@whiskeysockets/baileys'
import { type MultiFile, readMultiFile } from '../../../cli/multi-file/read.ts'
import { aFolder, asJson, keysOfAllTypes, newJid } from '../import/builders.ts'
import { scratchPath } from '../import/forms/scratch-files.ts'

const KEYS = { 'device-list': { '15550100100': ['0'] }, 'lid-mapping': { '15550100100': '99001' } }

interface Made {
  readonly folder: string
  readonly creds: AuthenticationCreds
  at(file: string): string
}

async function made(name: string): Promise<Made> {
  const folder = scratchPath(name)
  const creds = await aFolder(folder, { keys: KEYS })
  return { folder, creds, at: (file) => join(folder, file) }
}

async function readable(folder: string): Promise<MultiFile> {
  const read = await readMultiFile(folder)
  assert.ok('creds' in read, JSON.stringify(read))
  return read
}

async function unusable(folder: string): Promise<string> {
  const read = await readMultiFile(folder)
  assert.ok('unusable' in read)
  return read.unusable
}

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

describe('a folder whose creds.json is damaged or gone', () => {
  for (const copy of ['creds.json.bak', 'creds.backup.json']) {
    test(`is read with ${copy}, and a note says so first`, async () => {
      const { folder, at, creds } = await made(`copy-${copy}`)
      renameSync(at('creds.json'), at(copy))
      const gone = await readable(folder)
      writeFileSync(at('creds.json'), '{"noiseKey":')
      writeFileSync(at('notes.txt'), '')
      const damaged = await readable(folder)
      writeFileSync(at('creds.json'), '')
      const empty = await readable(folder)
      writeFileSync(at('creds.json'), '{"noiseKey":{}}')
      const part = await readable(folder)

      assert.deepEqual(asJson(damaged.creds), asJson(creds))
      assert.match(
        String(damaged.leftOut[0]),
        new RegExp(`^creds\\.json is damaged: it is not JSON; its copy ${copy} of 20\\d\\d-.* was taken$`),
      )
      assert.match(String(gone.leftOut[0]), /^creds\.json is missing; its copy/)
      assert.match(String(empty.leftOut[0]), /^creds\.json is damaged: it is empty; its copy/)
      assert.match(String(part.leftOut[0]), /^creds\.json is damaged: a part .* missing; its copy/)
    })
  }

  test('is not read with any other copy, whose age nobody knows', async () => {
    const { folder, at } = await made('other-copy')
    renameSync(at('creds.json'), at('creds.json.backup'))
    writeFileSync(at('creds.json'), '{')

    assert.match(
      await unusable(folder),
      /creds\.json is damaged: .* creds\.json\.backup is whole: copy it over/,
    )
    rmSync(at('creds.json'))
    assert.match(
      await unusable(folder),
      /no creds\.json; if creds\.json\.backup holds its credentials, rename/,
    )
  })

  test('is not read with a copy that is damaged, too, or was never linked', async () => {
    const { folder, at } = await made('bad-copy')
    writeFileSync(at('creds.json'), '{')
    writeFileSync(at('creds.json.bak'), '{')
    const damaged = await unusable(folder)
    await aFolder(scratchPath('unlinked'), { account: undefined as never })
    renameSync(join(scratchPath('unlinked'), 'creds.json'), at('creds.json.bak'))

    assert.equal(damaged, 'its creds.json is damaged: it is not JSON')
    assert.equal(await unusable(folder), 'its creds.json is damaged: it is not JSON')
  })

  test('is told when creds.json was never linked and its copy was', async () => {
    const { folder, at } = await made('unlinked-over')
    renameSync(at('creds.json'), at('creds.json.bak'))
    await aFolder(folder, { account: undefined as never })

    assert.match(await unusable(folder), /was never linked to a phone, and creds\.json\.bak is whole/)
  })
})

test('a whole creds.json is taken, whatever copies are beside it, without a word', async () => {
  const { folder, at, creds } = await made('whole-beside')
  const other = await made('whole-other')
  writeFileSync(at('creds.json.bak'), readFileSync(other.at('creds.json')))
  writeFileSync(at('creds - Copy.json'), '{')

  const read = await readable(folder)

  assert.deepEqual(asJson(read.creds), asJson(creds))
  assert.deepEqual(read.leftOut, [])
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

test('creds with a byte order mark are read, and creds that are a list or a text are damaged', async () => {
  const { folder, at } = await made('marks')
  const text = readFileSync(at('creds.json'), 'utf8')
  writeFileSync(at('creds.json'), `\ufeff${text}`)
  const marked = await readable(folder)
  writeFileSync(at('creds.json'), '[1]')
  const list = await readable(folder)

  assert.ok((marked.creds as AuthenticationCreds).me?.id)
  assert.deepEqual(list.creds, [1])
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
