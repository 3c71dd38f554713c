import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { BufferJSON, Curve } from '@whiskeysockets/baileys'
import { readWholeState } from '../../../../hosts/auth-state/whole-state.ts'
import { aFolder, asJson, keysOfAllTypes, startTestImport, type TestImport } from '../builders.ts'

let fleet: TestImport
before(async () => {
  fleet = await startTestImport()
})
after(() => fleet?.close())

const keys = keysOfAllTypes()

async function session(name: string): Promise<{ text: string; creds: unknown }> {
  const creds = await aFolder(fleet.at('made', name))
  return { creds, text: JSON.stringify({ creds, keys }, BufferJSON.replacer) }
}

function csv(...cells: readonly string[][]): string {
  return cells.map((row) => row.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(',')).join('\n')
}

async function stored(id: string) {
  const row = await fleet.device(id)
  assert.ok(row)
  const { creds, keys: found } = await readWholeState(fleet, {
    device: row.deviceId,
    credentialsId: row.credentialsId,
  })
  return { creds: asJson(creds), keys: asJson(found) }
}

describe('mooring import postgres', () => {
  test('takes devices with session data, name and preferred server from a CSV file', async () => {
    const { text, creds } = await session('csv-1')
    const file = fleet.at('devices.csv')
    writeFileSync(
      file,
      csv(
        ['id', 'device_name', 'assigned_server_id', 'status', 'session_data'],
        ['csv-1', 'The "shop", Main Street', 'server-2', 'connected', text],
        ['csv-2', 'To be linked', '', 'disconnected', ''],
      ),
    )

    const { out, exit } = await fleet.mooring(['import', 'postgres', file, '--yes'])

    assert.equal(exit, 0)
    assert.match(out, /^2 rows: 1 imported, 1 registered, not linked$/m)
    const linked = await fleet.device('csv-1')
    assert.equal(linked?.name, 'The "shop", Main Street')
    assert.equal(linked.home?.name, 'server-2')
    assert.equal(linked.desired, 'running')
    assert.deepEqual(await stored('csv-1'), { creds: asJson(creds), keys: asJson(keys) })
    const unlinked = await fleet.device('csv-2')
    assert.equal(unlinked?.desired, 'stopped')
    assert.equal(unlinked.pairedAt, undefined)
    assert.equal(unlinked.importing, undefined)
  })

  test('takes JSON lines under other column names, and session data as an object or as text in text', async () => {
    const [one, two] = [await session('json-1'), await session('json-2')]
    const file = fleet.at('devices.jsonl')
    const rows = [
      { uuid: 'json-1', server: 'web-1', auth_state: JSON.parse(one.text) },
      { uuid: 'json-2', server: null, auth_state: JSON.stringify(two.text) },
    ]
    writeFileSync(file, rows.map((row) => JSON.stringify(row)).join('\n'))

    const { out } = await fleet.mooring([
      ...['import', 'postgres', file, '--yes', '--id-column', 'uuid'],
      ...['--server-column', 'server', '--session-column', 'auth_state'],
    ])

    assert.match(out, /^2 rows: 2 imported$/m)
    assert.equal((await fleet.device('json-1'))?.home?.name, 'web-1')
    assert.deepEqual(await stored('json-1'), { creds: asJson(one.creds), keys: asJson(keys) })
    assert.deepEqual(await stored('json-2'), { creds: asJson(two.creds), keys: asJson(keys) })
  })

  test('takes the key names of older Baileys, and bytes as Node writes them', async () => {
    const creds = await aFolder(fleet.at('made', 'older-1'))
    const preKey = Curve.generateKeyPair()
    const file = fleet.at('older.jsonl')
    const data = { creds, keys: { preKeys: { 1: preKey }, appStateVersions: {} } }
    writeFileSync(file, JSON.stringify({ id: 'older-1', session_data: data }))

    await fleet.mooring(['import', 'postgres', file, '--yes'])

    const found = await stored('older-1')
    assert.deepEqual(found.keys, asJson({ 'pre-key': { 1: preKey } }))
    assert.deepEqual(found.creds, asJson(creds))
  })

  test('leaves out devices without credentials under --linked-only, and is harmless when repeated', async () => {
    const file = fleet.at('bare.csv')
    writeFileSync(file, csv(['id', 'session_data'], ['bare-1', 'null']))

    const linked = await fleet.mooring(['import', 'postgres', file, '--yes', '--linked-only'])
    const first = await fleet.mooring(['import', 'postgres', file, '--yes'])
    const second = await fleet.mooring(['import', 'postgres', file, '--yes'])

    assert.match(linked.out, /bare-1 +skipped +it has no credentials/)
    assert.match(first.out, /1 registered, not linked/)
    assert.match(second.out, /1 there already/)
  })

  test('tells why session data cannot be used', async () => {
    const file = fleet.at('wrong.csv')
    writeFileSync(
      file,
      csv(
        ['id', 'session_data'],
        ['w-1', '{"creds":'],
        ['w-2', '{"keys":{}}'],
        ['w-3', '{"creds":{"me":1}}'],
      ),
    )

    const { out } = await fleet.mooring(['import', 'postgres', file, '--dry-run'])

    assert.match(out, /w-1 +skipped +its session data cannot be read: it is not JSON/)
    assert.match(out, /w-2 +skipped +its session data holds no creds/)
    assert.match(out, /w-3 +skipped +its creds are damaged/)
  })

  test('takes keys by name, within the keys and beside the creds, and tells which it does not know', async () => {
    const [one, two] = [await session('flat-1'), await session('flat-2')]
    const named = Object.fromEntries(
      Object.entries(JSON.parse(one.text).keys).flatMap(([type, byId]) =>
        Object.entries(byId as object).map(([id, value]) => [`${type}-${id}`, value]),
      ),
    )
    const file = fleet.at('flat.jsonl')
    const rows = [
      {
        id: 'flat-1',
        session_data: { creds: JSON.parse(one.text).creds, keys: { ...named, 'votes-1': { a: 1 } } },
      },
      { id: 'flat-2', session_data: { creds: JSON.parse(two.text).creds, ...named, updated: 'today' } },
    ]
    writeFileSync(file, rows.map((row) => JSON.stringify(row)).join('\n'))

    const { out } = await fleet.mooring(['import', 'postgres', file, '--yes'])

    assert.match(out, /^2 rows: 2 imported$/m)
    assert.match(out.replaceAll(/\s+/g, ' '), /1 key named "votes" left out: Baileys has none of that name/)
    assert.deepEqual(await stored('flat-1'), { creds: asJson(one.creds), keys: asJson(keys) })
    assert.deepEqual(await stored('flat-2'), { creds: asJson(two.creds), keys: asJson(keys) })
  })

  test('refuses a file without a column that it needs, with the columns that there are', async () => {
    writeFileSync(fleet.at('typo.csv'), csv(['id', 'device_name', 'sesion_data'], ['a', 'A', '{}']))
    writeFileSync(fleet.at('typo.jsonl'), '{"id":"a"}\n{"id":"b","ses\\u001bion":null}\n')
    writeFileSync(fleet.at('late.jsonl'), '{"id":"a"}\n{"id":"b","session_data":null}\n')
    const run = (file: string, ...options: string[]) =>
      fleet.mooring(['import', 'postgres', fleet.at(file), '--dry-run', ...options])

    const typo = await run('typo.csv')
    const lines = await run('typo.jsonl')
    const named = await run('late.jsonl', '--server-column', 'server')
    const late = await run('late.jsonl')

    assert.match(typo.err, /no column session_data, only id, device_name, sesion_data; see --session-column/)
    assert.equal(typo.exit, 2)
    assert.match(lines.err, /no column session_data, only id, ses ion; see --session-column/)
    assert.equal(lines.exit, 2)
    assert.match(named.err, /no column server, only id, session_data; see --server-column/)
    assert.equal(named.exit, 2)
    assert.match(late.out, /2 to register, not linked/)
    assert.equal(late.exit, 0)
  })

  test('refuses a file without the column of ids, a missing file, and a file that is no CSV', async () => {
    writeFileSync(fleet.at('other.csv'), csv(['uuid'], ['1']))
    writeFileSync(fleet.at('broken.csv'), 'id,session_data\n"a,b')

    const other = await fleet.mooring(['import', 'postgres', fleet.at('other.csv'), '--dry-run'])
    const none = await fleet.mooring(['import', 'postgres', fleet.at('none.csv'), '--dry-run'])
    const broken = await fleet.mooring(['import', 'postgres', fleet.at('broken.csv'), '--dry-run'])

    assert.match(other.err, /has no column id, only uuid; see --id-column/)
    assert.match(none.err, /none\.csv cannot be read: ENOENT/)
    assert.match(broken.err, /broken\.csv cannot be read: CSV_QUOTE_NOT_CLOSED/)
    assert.equal(other.exit, 2)
    assert.equal(none.exit, 2)
    assert.equal(broken.exit, 2)
  })
})

test('without the tables of the fleet, or without its key, the command says what is missing', async () => {
  const file = fleet.at('any.csv')
  writeFileSync(file, csv(['id'], ['a']))

  const prefix = await fleet.mooring(['import', 'postgres', file, '--dry-run', '--table-prefix', 'Other-'])
  const both = await fleet.mooring(['import', 'postgres', file, '--auth-key', 'arn'])

  assert.match(prefix.err, /ResourceNotFoundException.*Is Other- the prefix/)
  assert.equal(prefix.exit, 3)
  assert.match(both.err, /either --auth-key or --auth-key-file/)
  assert.equal(both.exit, 2)
})
