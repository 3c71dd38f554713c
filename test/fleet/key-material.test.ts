/** No key of a device leaves its server: not by a log, not by an answer, and not by a row. */
import assert from 'node:assert/strict'
import { appendFileSync, copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { scanAll } from '../../core/store/store.ts'
import { TABLE_NAMES } from '../../core/store/tables.ts'
import { startTestFleet, type TestFleet } from './fleet-under-test.ts'
import { filesIn, findSecrets, type Secret, secretsOfFleet } from './key-search.ts'
import { until } from './until.ts'

const ANSWERS = ['/devices', '/servers', '/fleet', '/health', '/openapi.json']

let fleet: TestFleet
let secrets: Secret[]
let answers: string

/** Pairings, messages, a takeover, a restart and a logout. Then all keys and all answers are collected. */
before(async () => {
  fleet = await startTestFleet({ servers: 2 })
  const ids = await fleet.linkDevices(3, 'secretive')
  const rows = await fleet.devices(ids)
  for (const row of rows) await fleet.simulator.text(row.account?.jid ?? '', 'ahoy')
  await untilReceived()
  const victim = (await fleet.activeServers()).find(({ serverId }) => rows[0]?.owner === serverId)
  fleet.processOf(victim?.name ?? '').signal('SIGKILL')
  for (const row of rows) await fleet.simulator.text(row.account?.jid ?? '', 'still there?')
  await fleet.untilConnected(ids)
  await untilReceived()
  secrets = await secretsOfFleet(fleet.store, fleet.authKeyFile)
  const paths = [...ANSWERS, ...ids.flatMap((id) => [`/devices/${id}`, `/devices/${id}/history`])]
  const bodies = await Promise.all(paths.map(async (path) => (await fleet.call('GET', path)).body))
  answers = JSON.stringify(bodies)
  await fleet.call('POST', `/devices/${ids[0]}/restart`)
  await fleet.call('POST', `/devices/${ids[1]}/logout`)
  // The row would be too early: the server logs a logout after it has written it.
  await until('a log that tells all of it', 20_000, async () =>
    filesIn(fleet.logDir).includes('device.logged_out'),
  )
})

after(() => fleet?.close())

function untilReceived(): Promise<unknown> {
  return until('received', 20_000, async () => fleet.simulator.accounts().every((one) => one.queued === 0))
}

async function rawRows(): Promise<string> {
  const tables = await Promise.all(TABLE_NAMES.map((table) => scanAll(fleet.store, table)))
  return JSON.stringify(tables)
}

describe('the keys of devices that were paired, wrote and moved', () => {
  test('are known to this test, some of every kind', () => {
    const kinds = new Set(secrets.map(({ name }) => name))

    for (const kind of [
      'noise key',
      'identity key',
      'signed pre-key',
      'adv secret',
      'data key',
      'wrapping key',
    ])
      assert.ok(kinds.has(kind), kind)
    assert.ok(secrets.filter(({ name }) => name === 'pre-key').length > 2000)
    assert.ok(secrets.filter(({ name }) => name === 'session').length >= 3 * 4)
  })

  test('are in no log of a server or of the control plane, stdout and stderr included', () => {
    const logs = filesIn(fleet.logDir)
    assert.match(logs, /device\.connected/)
    assert.match(logs, /server\.buried/)
    assert.match(logs, /device\.logged_out/)

    assert.deepEqual(findSecrets(logs, secrets), [])
    assert.doesNotMatch(logs, /privKey|rootKey|"private"|chainKey/)
  })

  test('are in no answer of the API', () => {
    assert.match(answers, /secretive-1/)

    assert.deepEqual(findSecrets(answers, secrets), [])
  })

  test('are in no row of the database', async () => {
    const rows = await rawRows()
    assert.match(rows, /"v1\.1\.z\./)

    assert.deepEqual(findSecrets(rows, secrets), [])
  })

  test('would be found in every form', () => {
    const folder = mkdtempSync(join(tmpdir(), 'mooring-planted-'))
    const log = join(folder, 'server-1.log')
    const forms: ((bytes: Buffer) => string)[] = [
      (bytes) => bytes.toString('base64'),
      (bytes) => bytes.toString('base64url'),
      (bytes) => bytes.toString('hex'),
      (bytes) => JSON.stringify({ key: bytes }),
      (bytes) => JSON.stringify({ key: new Uint8Array(bytes) }),
      (bytes) => `<Buffer ${[...bytes].join(', ')}>`,
    ]
    const kinds = [...new Set(secrets.map(({ name }) => name))]
    for (const kind of kinds) {
      for (const [at, form] of forms.entries()) {
        const planted = secrets.find(({ name }) => name === kind)
        assert.ok(planted)
        copyFileSync(join(fleet.logDir, 'server-1.log'), log)
        appendFileSync(log, `{"level":"INFO","event":"oops","said":${JSON.stringify(form(planted.bytes))}}\n`)

        const found = findSecrets(readFileSync(log, 'utf8').replaceAll('\\"', '"'), secrets)

        assert.deepEqual(found, [kind], `form ${at}`)
      }
    }
    rmSync(folder, { recursive: true })
  })
})
