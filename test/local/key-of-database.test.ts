/** Which key file belongs to a database, also to one of before that was remembered, and through a rotation. */
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

test('a database of before takes the key file that its credentials are sealed by, and remembers it', async () => {
  const database = await aDatabase(OLD)
  await matchKeyFile(database, 'auth-keys', [OLD])
  assert.equal(readFileSync(join(database.folder, 'wrapping-key-names'), 'utf8'), `${OLD}\n`)
})

test('a database of before refuses another key file', async () => {
  const database = await aDatabase(OLD)
  await assert.rejects(matchKeyFile(database, 'auth-keys', [OTHER]), { code: 'KEY_FILE_DIFFERS' })
})

test('a new key may be put before the old one', async () => {
  const database = await aDatabase(OLD)
  await matchKeyFile(database, 'auth-keys', [OLD])
  await matchKeyFile(database, 'auth-keys', [NEW, OLD])
  assert.equal(readFileSync(join(database.folder, 'wrapping-key-names'), 'utf8'), `${NEW}\n${OLD}\n`)
})

test('the old one may be taken out when no credentials are sealed by it any more', async () => {
  const database = await aDatabase(NEW)
  await matchKeyFile(database, 'auth-keys', [NEW, OLD])
  await matchKeyFile(database, 'auth-keys', [NEW])
  assert.equal(readFileSync(join(database.folder, 'wrapping-key-names'), 'utf8'), `${NEW}\n`)
})

test('the old one may not be taken out before', async () => {
  const database = await aDatabase(OLD)
  await matchKeyFile(database, 'auth-keys', [NEW, OLD])
  await assert.rejects(matchKeyFile(database, 'auth-keys', [NEW]), { code: 'KEY_FILE_DIFFERS' })
})

test('the newest one is missed even when no device has credentials yet', async () => {
  const database = await aDatabase()
  await matchKeyFile(database, 'auth-keys', [OLD])
  await assert.rejects(matchKeyFile(database, 'auth-keys', [OTHER]), { code: 'KEY_FILE_DIFFERS' })
})

test('what is remembered is looked up anew when its file is damaged', async () => {
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
