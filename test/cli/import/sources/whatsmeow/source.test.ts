import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import type { Loaded } from '../../../../../cli/import/candidate.ts'
import { aDatabaseFile, candidates, loadAll, OTHER } from './reading.ts'
import { aDevice, dumpLine, insert, writeDatabase } from './tables.ts'

let folder: string
const at = (...names: string[]) => join(folder, ...names)
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'mooring-whatsmeow-'))
})
after(() => rmSync(folder, { recursive: true }))

function accountsOf(loaded: readonly Loaded[]): (string | undefined)[] {
  return loaded.map((one) => ('account' in one ? one.account.jid : undefined))
}

function fingerprint(directory: string): string {
  const hash = createHash('sha256')
  for (const name of readdirSync(directory).toSorted())
    hash.update(name).update(readFileSync(join(directory, name)))
  return hash.digest('hex')
}

describe('a SQLite file of whatsmeow', () => {
  test('gives each of its devices, with what belongs to it alone', async () => {
    const file = aDatabaseFile(at('two.db'), [aDevice(), aDevice(undefined, OTHER)])

    const loaded = await loadAll(file)

    assert.deepEqual(accountsOf(loaded), ['15550100101:3@s.whatsapp.net', OTHER.jid])
    const sessions = loaded.map((one) => ('keys' in one ? Object.keys(one.keys.session ?? {}).length : -1))
    assert.deepEqual(sessions, [1, 1])
  })

  test('gives the same digest in every reading, and another after a change', async () => {
    const file = aDatabaseFile(at('digest.db'))
    const [first] = await loadAll(file)
    const [second] = await loadAll(file)
    new DatabaseSync(file).exec('UPDATE whatsmeow_pre_keys SET uploaded = 1')
    const [third] = await loadAll(file)

    const digests = [first, second, third].map((one) => one && 'digest' in one && one.digest)
    assert.equal(digests[0], digests[1])
    assert.notEqual(digests[0], digests[2])
  })

  test('is read with the log beside it, and neither of the two is changed', async () => {
    const live = writeDatabase(at('live.db'), [aDevice()], { isLogged: true })
    const copy = at('copy')
    mkdirSync(copy)
    for (const name of ['live.db', 'live.db-wal']) copyFileSync(at(name), join(copy, name))
    const before = [readFileSync(join(copy, 'live.db')), readFileSync(join(copy, 'live.db-wal'))]

    const loaded = await loadAll(join(copy, 'live.db'))
    const fromLive = await loadAll(at('live.db'))
    live.close()

    assert.deepEqual(accountsOf(loaded), ['15550100101:3@s.whatsapp.net'])
    assert.deepEqual(accountsOf(fromLive), ['15550100101:3@s.whatsapp.net'])
    const after = [readFileSync(join(copy, 'live.db')), readFileSync(join(copy, 'live.db-wal'))]
    assert.deepEqual(after, before)
  })

  test('leaves nothing beside it when the log is gone', async () => {
    const closed = at('closed')
    mkdirSync(closed)
    writeDatabase(join(closed, 'a.db'), [aDevice()], { isLogged: true }).close()
    const before = fingerprint(closed)

    await loadAll(join(closed, 'a.db'))

    assert.equal(fingerprint(closed), before)
  })

  test('of an older schema is read without the tables and columns that it lacks', async () => {
    const { device, lid_map, privacy_tokens, ...tables } = aDevice()
    const { lid, facebook_uuid, ...older } = device[0] ?? {}
    const file = aDatabaseFile(at('older.db'), [{ ...tables, device: [older] }] as never)

    const [loaded] = await loadAll(file)

    assert.deepEqual(accountsOf([loaded as Loaded]), ['15550100101:3@s.whatsapp.net'])
  })
})

describe('the id of a device', () => {
  test('is the name that wuzapi gives it, in a file beside the devices', async () => {
    const file = aDatabaseFile(at('dbdata', 'main.db'), [aDevice(), aDevice(undefined, OTHER)])
    const users = new DatabaseSync(at('dbdata', 'users.db'))
    insert(users, 'users', { id: '1', name: 'shop one', token: 't', jid: '15550100101:3@s.whatsapp.net' })
    users.close()

    const found = await candidates(file)
    const inFolder = await candidates(at('dbdata'))

    assert.deepEqual(
      found.map(({ deviceId, name }) => [deviceId, name]),
      [
        ['shop-one', 'shop one'],
        ['15550100102', '15550100102'],
      ],
    )
    assert.equal(inFolder.length, 2)
  })

  test("is the name of WAHA's session, which is the folder's", async () => {
    aDatabaseFile(at('sessions', 'gows', 'shop-1', 'gows.db'))
    aDatabaseFile(at('sessions', 'gows', 'shop-2', 'gows.db'), [aDevice(undefined, OTHER)])

    const found = await candidates(at('sessions'))

    assert.deepEqual(
      found.map(({ deviceId }) => deviceId),
      ['shop-1', 'shop-2'],
    )
  })

  test('is the phone number otherwise, or when it is wanted', async () => {
    const file = aDatabaseFile(at('plain', 'a.db'))

    const alone = await candidates(file)
    const inFolder = await candidates(at('plain'))
    const wanted = await candidates(at('plain'), 'phone')

    assert.deepEqual(
      [...alone, ...inFolder, ...wanted].map(({ deviceId }) => deviceId),
      ['15550100101', 'a', '15550100101'],
    )
  })
})

describe('a dump of PostgreSQL', () => {
  test('gives a device for each line', async () => {
    const lines = [dumpLine(aDevice(), { name: 'shop-9' }), dumpLine(aDevice(undefined, OTHER))]
    writeFileSync(at('devices.jsonl'), `${lines.join('\n')}\n`)

    const found = await candidates(at('devices.jsonl'))
    const loaded = await loadAll(at('devices.jsonl'))

    assert.deepEqual(
      found.map(({ deviceId }) => deviceId),
      ['shop-9', '15550100102'],
    )
    assert.deepEqual(accountsOf(loaded), ['15550100101:3@s.whatsapp.net', OTHER.jid])
  })

  test('maps as the SQLite file of the same tables does', async () => {
    const tables = aDevice()
    writeFileSync(at('one.jsonl'), dumpLine(tables))
    const file = aDatabaseFile(at('one.db'), [tables])

    const [dumped] = await loadAll(at('one.jsonl'))
    const [read] = await loadAll(file)

    assert.ok(dumped && 'digest' in dumped && read && 'digest' in read)
    assert.equal(dumped.digest, read.digest)
  })

  test('of something else is refused with the names that it has', async () => {
    writeFileSync(at('other.jsonl'), '{"id": 1, "session": "x"}')

    await assert.rejects(candidates(at('other.jsonl')), /row 1 has no "device", only id, session/)
  })
})
