/** Which key file belongs to a database: also to a database that does not remember its keys yet, and in a
 *  rotation. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import { epoch } from '../../core/ids.ts'
import { dataKeysKey } from '../../core/store/auth-item-row.ts'
import type { Store } from '../../core/store/store.ts'
import { keyNamesOf, matchKeyFile } from '../../local/key-of-database.ts'
import { aDevice, deviceRow, embeddedTables, type Tables } from '../builders/builders.ts'

const [OLD, NEW, OTHER] = ['key-0000000000000001', 'key-0000000000000002', 'key-0000000000000003']

let tables: Tables
let home: string
before(async () => {
  tables = await embeddedTables()
  home = mkdtempSync(join(tmpdir(), 'mooring-keys-'))
})
after(async () => {
  rmSync(home, { recursive: true })
  await tables.close()
})

/** A database, with a device whose data key is wrapped by `by`. */
async function aDatabase(by?: string): Promise<{ folder: string; store: Store; existed: boolean }> {
  const store = await tables.fresh()
  const folder = mkdtempSync(join(home, 'database-'))
  if (by === undefined) return { folder, store, existed: true }
  const id = await aDevice({ store, clock: systemClock })
  const { credentialsId } = await deviceRow(store, id)
  const key = { deviceId: id, key: dataKeysKey(credentialsId) }
  const value = JSON.stringify({ version: 1, keys: [{ number: 1, by, wrapped: 'w', madeAt: 1 }] })
  await store.update('AuthState', key, { set: { epoch: epoch(1), value }, when: [] })
  return { folder, store, existed: true }
}

test('an old database takes the key file by which its credentials are sealed, and remembers it', async () => {
  const database = await aDatabase(OLD)
  await matchKeyFile(database, 'auth-keys', [OLD])
  assert.equal(readFileSync(join(database.folder, 'wrapping-key-names'), 'utf8'), `${OLD}\n`)
})

test('an old database refuses another key file', async () => {
  const database = await aDatabase(OLD)
  await assert.rejects(matchKeyFile(database, 'auth-keys', [OTHER]), { code: 'KEY_FILE_DIFFERS' })
})

test('a new key may be put before the old key', async () => {
  const database = await aDatabase(OLD)
  await matchKeyFile(database, 'auth-keys', [OLD])
  await matchKeyFile(database, 'auth-keys', [NEW, OLD])
  assert.equal(readFileSync(join(database.folder, 'wrapping-key-names'), 'utf8'), `${NEW}\n${OLD}\n`)
})

test('the old key may be removed when no credentials are sealed by it any more', async () => {
  const database = await aDatabase(NEW)
  await matchKeyFile(database, 'auth-keys', [NEW, OLD])
  await matchKeyFile(database, 'auth-keys', [NEW])
  assert.equal(readFileSync(join(database.folder, 'wrapping-key-names'), 'utf8'), `${NEW}\n`)
})

test('the old key may not be removed while credentials are sealed by it', async () => {
  const database = await aDatabase(OLD)
  await matchKeyFile(database, 'auth-keys', [NEW, OLD])
  await assert.rejects(matchKeyFile(database, 'auth-keys', [NEW]), { code: 'KEY_FILE_DIFFERS' })
})

test('the newest key must be there even when no device has credentials yet', async () => {
  const database = await aDatabase()
  await matchKeyFile(database, 'auth-keys', [OLD])
  await assert.rejects(matchKeyFile(database, 'auth-keys', [OTHER]), { code: 'KEY_FILE_DIFFERS' })
})

test('the keys are looked up again when the file that remembers them is damaged', async () => {
  const database = await aDatabase(OLD)
  await matchKeyFile(database, 'auth-keys', [OLD])
  writeFileSync(join(database.folder, 'wrapping-key-names'), 'garb')
  await assert.rejects(matchKeyFile(database, 'auth-keys', [OTHER]), { code: 'KEY_FILE_DIFFERS' })
  await matchKeyFile(database, 'auth-keys', [OLD])
})

test('a key file is made only where there is no database', async () => {
  const file = join(home, 'auth-keys')
  await assert.rejects(keyNamesOf(file, true), { code: 'KEY_FILE_MISSING' })
  const made = await keyNamesOf(file, false)
  assert.equal(made.length, 1)
  assert.deepEqual(await keyNamesOf(file, true), made)
})
