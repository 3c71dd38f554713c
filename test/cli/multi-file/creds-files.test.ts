import assert from 'node:assert/strict'
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { AuthenticationCreds } from '@whiskeysockets/baileys'
import { aFolder, asJson } from '../import/builders.ts'
import { scratchPath } from '../import/forms/scratch-files.ts'
import { made, readable, unusable } from './device-folder.ts'

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
