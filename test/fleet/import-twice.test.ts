/** Two imports of the same devices at once: by the same source, and by two sources under other device ids. Each
 *  device has one live copy in the end. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { DeviceRow } from '../../core/store/device-row.ts'
import { scanAll } from '../../core/store/store.ts'
import { silenceConsole } from '../../hosts/whatsapp/silence-console.ts'
import { DEVICES_TABLE, readStates } from '../builders/other-systems.ts'
import { importVariables } from '../cli/import/builders.ts'
import { type Ran, startMooring } from '../cli/mooring-command.ts'
import { startTestFleet, type TestFleet } from './fleet-under-test.ts'
import { pairElsewhere } from './linked-elsewhere.ts'
import { until } from './until.ts'

const DEVICES = 12
const CONTACT = '15550100150'
const LIMIT_MS = 120_000

let scratch: string
let fleet: TestFleet

before(async () => {
  silenceConsole()
  scratch = mkdtempSync(join(tmpdir(), 'mooring-import-twice-'))
  fleet = await startTestFleet({ servers: 2 })
})

after(async () => {
  await fleet?.close()
  rmSync(scratch, { recursive: true, force: true })
})

/** Devices that were linked elsewhere, as folders, with the jids of their accounts. */
async function elsewhere(name: string) {
  const folder = join(scratch, name)
  const ids = Array.from({ length: DEVICES }, (_, at) => `${name}-${at + 1}`)
  mkdirSync(folder)
  await pairElsewhere(fleet, ids, folder)
  const states = await readStates(folder, ids)
  const jids = states.map(({ creds }) => (creds as { me: { id: string } }).me.id)
  fleet.simulator.resetReport()
  return { folder, ids, states, jids }
}

let runs = 0
async function run(command: readonly string[]): Promise<Ran> {
  const variables = importVariables(fleet.database.endpoint, fleet.authKeyFile)
  const ran = await startMooring([...command, '--yes'], variables, { killAfterMs: LIMIT_MS }).ended
  runs += 1
  writeFileSync(join(fleet.logDir, `import-${runs}.log`), ran.out + ran.err)
  return ran
}

/** The devices of the fleet that have one of the accounts. */
async function rowsWith(jids: readonly string[]): Promise<DeviceRow[]> {
  const rows = await scanAll(fleet.store, 'Devices')
  return rows.filter(({ account }) => account && jids.includes(account.jid))
}

/** Each account has one device, which connects and reads, and the judge saw no second socket. */
async function assertOneLiveCopy(jids: readonly string[]): Promise<DeviceRow[]> {
  const rows = await rowsWith(jids)
  assert.deepEqual(rows.map(({ account }) => account?.jid).toSorted(), jids.toSorted())
  await fleet.untilConnected(
    rows.map((row) => row.deviceId),
    LIMIT_MS,
  )
  for (const jid of jids) await fleet.simulator.text(jid, 'ahoy', CONTACT)
  await until('every text read', LIMIT_MS, async () =>
    fleet.simulator.accounts().every(({ jid, queued }) => !jids.includes(jid) || queued === 0),
  )
  const { pairings, conflicts, messages } = fleet.simulator.report()
  const { retries, nacked } = messages
  assert.deepEqual(
    { pairings, conflicts, retries, nacked },
    { pairings: 0, conflicts: { overlap: 0, foreign: 0 }, retries: 0, nacked: 0 },
  )
  fleet.assertNeverTwoSockets()
  return rows
}

/** The import that came too late has left no credentials behind. */
async function assertNothingLeft(): Promise<void> {
  const rows = await scanAll(fleet.store, 'Devices')
  const used = new Map<string, string>(rows.map((row) => [row.deviceId, row.credentialsId]))
  const items = await scanAll(fleet.store, 'AuthState')
  const left = items.filter(({ deviceId, key }) => !key.startsWith(`${used.get(deviceId)}/`))
  assert.deepEqual(
    left.map(({ deviceId, key }) => `${deviceId} ${key}`),
    [],
  )
}

test('two imports of the same folders at once leave one live copy of each device', async () => {
  const { folder, ids, jids } = await elsewhere('same')
  const command = ['import', 'multi-file', folder]

  const both = await Promise.all([run(command), run(command)])

  const rows = await assertOneLiveCopy(jids)
  assert.deepEqual(rows.map((row) => row.deviceId as string).toSorted(), ids.toSorted())
  const imported = both.map(({ out }) => Number(/^\d+ folders: (\d+) imported/m.exec(out)?.[1] ?? 0))
  assert.equal(
    imported.reduce((sum, count) => sum + count),
    DEVICES,
    JSON.stringify(both),
  )
  const again = await run(command)
  assert.equal(again.exit, 0, again.out + again.err)
})

test('two imports of the same devices under other ids leave one live copy of each device', async () => {
  const { folder, states, jids } = await elsewhere('one')
  const others = states.map((state) => ({ ...state, id: state.id.replace('one', 'other') }))
  const second = DEVICES_TABLE.write(scratch, others)

  const both = await Promise.all([run(['import', 'multi-file', folder]), run(second)])

  const rows = await assertOneLiveCopy(jids)
  await assertNothingLeft()
  const names = [...new Set(rows.map((row) => row.deviceId.replace(/-\d+$/, '')))]
  assert.ok(
    names.every((name) => ['one', 'other'].includes(name)),
    JSON.stringify(both),
  )
})
