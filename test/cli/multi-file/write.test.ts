import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { mustHaveOwnFiles, writeMultiFile } from '../../../cli/multi-file/write.ts'

const SYNC_KEYS = { 'app-state-sync-key': { AAAAAa: { keyData: 'one' }, AAAAAA: { keyData: 'two' } } }

test('ids that differ by case alone have files of their own where the disk tells them apart', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mooring-write-'))
  try {
    const files = await writeMultiFile(folder, { creds: {}, keys: SYNC_KEYS }, new AbortController().signal)

    assert.equal(files, 3)
    assert.deepEqual(readdirSync(folder).toSorted(), [
      'app-state-sync-key-AAAAAA.json',
      'app-state-sync-key-AAAAAa.json',
      'creds.json',
    ])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('ids that would share a file are found before anything is written', () => {
  const keys = { session: { '1.0': {}, 'a/b': {}, a__b: {} } }

  assert.throws(
    () => mustHaveOwnFiles(keys),
    /1 case would share a file: session "a\/b" and session "a__b"\./,
  )
})

test('an id that no file can be named after is told shortened', () => {
  const keys = { session: { ['x'.repeat(300)]: {} } }

  assert.throws(() => mustHaveOwnFiles(keys), /1 case cannot be the name of a file: session "x{60}…"/)
})
