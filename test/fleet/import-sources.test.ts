/** Devices of other systems, stored by those systems' own libraries, go on in a fleet: each fixture of
 *  `test/fixtures/import` is imported by its command, into one fleet with one simulated WhatsApp. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { deviceId } from '../../core/ids.ts'
import { importVariables } from '../cli/import/builders.ts'
import { startMooring } from '../cli/mooring-command.ts'
import { type FixtureDevice, fixtures, SIMULATOR_FILE, STRANGER } from '../fixtures/import/make/fixture.ts'
import { mergeSimulatorData } from '../fixtures/import/make/simulator-data.ts'
import { startApplication, type TestApplication, textOf } from './application.ts'
import { startTestFleet, type TestFleet } from './fleet-under-test.ts'
import { send } from './sending.ts'
import { until } from './until.ts'

const SECRET = 'the secret of the messages'
const TEXT_MS_MAX = 20_000
const IMPORT_MS_MAX = 120_000

const found = fixtures()
let scratch: string
let application: TestApplication
let fleet: TestFleet

before(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'mooring-import-sources-'))
  const dataDir = join(scratch, 'fleet')
  mkdirSync(dataDir)
  const packed = found.map(({ folder }) => join(folder, SIMULATOR_FILE))
  mergeSimulatorData(packed, join(dataDir, 'whatsapp.json'))
  application = await startApplication()
  fleet = await startTestFleet({
    servers: 2,
    dataDir,
    messages: { url: application.url, secret: SECRET },
  })
})

after(async () => {
  await fleet?.close()
  application?.close()
  rmSync(scratch, { recursive: true, force: true })
})

/** Runs the command in a copy of the fixture. What it prints is searched for keys with the fleet's logs. */
async function bringIn({ source, folder, unpack, command }: (typeof found)[number]): Promise<void> {
  const copy = join(scratch, source)
  cpSync(folder, copy, { recursive: true })
  if (unpack !== undefined) execFileSync('tar', ['-xzf', unpack], { cwd: copy })
  const variables = importVariables(fleet.database.endpoint, fleet.authKeyFile)
  const options = { cwd: copy, killAfterMs: IMPORT_MS_MAX }
  const { exit, out, err } = await startMooring([...command, '--yes'], variables, options).ended
  writeFileSync(join(fleet.logDir, `import-${source}.log`), out + err)
  assert.equal(exit, 0, out + err)
}

const linked = () =>
  fleet.simulator
    .accounts()
    .map(({ jid, registration }) => [jid, registration.identityKey].join(' '))
    .toSorted()

/** The texts that the application got of a device, alone and in groups. */
const readBy = (id: string) => application.of(id).map(textOf)

async function readsAndIsRead({ id, jid, contact, group, queued }: FixtureDevice): Promise<void> {
  const { simulator } = fleet
  await until(
    `"${id}" has read what waited`,
    TEXT_MS_MAX,
    async () => readBy(id).length >= queued.length,
    async () => readBy(id),
  )
  assert.deepEqual(readBy(id), queued)

  // The first text of a stranger uses up one of the pre-keys that came over.
  const talks: [to: string, from: string][] = [
    [`+${contact}`, contact],
    [`+${STRANGER}`, STRANGER],
  ]
  if (group !== undefined) talks.push([group, contact])
  for (const [to, from] of talks) {
    const [text, answer] = [`next text to ${to}`, `answer to ${to}`]
    if (to === group) await simulator.groupText(to, text, from)
    else await simulator.text(jid, text, from)
    await until(`"${id}" has read "${text}"`, TEXT_MS_MAX, async () => readBy(id).includes(text))
    assert.equal(await send(fleet, SECRET, deviceId(id), to, answer), 200, `${id} to ${to}`)
    const got = () => simulator.received(jid).find((received) => received.text === answer)
    await until(`"${answer}" of "${id}" read by its contact`, TEXT_MS_MAX, async () => got())
    assert.equal(got()?.to, from)
  }
}

test('there are fixtures', () => {
  assert.ok(found.length > 0)
})

for (const fixture of found) {
  const { source, madeBy, devices } = fixture
  test(`${source}: devices go on where they were (${madeBy})`, async () => {
    const { simulator } = fleet
    const before = linked()
    simulator.resetReport()

    await bringIn(fixture)
    const rows = await fleet.untilConnected(devices.map(({ id }) => deviceId(id)))
    for (const device of devices) await readsAndIsRead(device)
    await until('every text is confirmed', TEXT_MS_MAX, async () =>
      simulator
        .accounts()
        .every(({ jid, queued }) => !devices.some((one) => one.jid === jid) || queued === 0),
    )

    assert.deepEqual(
      rows.map(({ deviceId: id, account }) => [id, account?.jid]).toSorted(),
      devices.map(({ id, jid }) => [id, jid]).toSorted(),
    )
    assert.deepEqual(linked(), before)
    const { pairings, refusedLogins, logins, conflicts, messages } = simulator.report()
    const { retries, nacked, undecryptable, duplicates } = messages
    assert.deepEqual(
      {
        pairings,
        refusedLogins,
        logins,
        foreign: conflicts.foreign,
        retries,
        nacked,
        undecryptable,
        duplicates,
      },
      {
        pairings: 0,
        refusedLogins: 0,
        logins: devices.length,
        foreign: 0,
        retries: 0,
        nacked: 0,
        undecryptable: 0,
        duplicates: 0,
      },
    )
    fleet.assertNeverTwoSockets()
  })
}
