/** Devices of four other systems come into a running fleet at the same time, while its own devices talk.
 *  MOORING_BESIDE_DEVICES=300 makes it larger. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import { type DeviceId, deviceId } from '../../core/ids.ts'
import { inParallel } from '../../core/parallel.ts'
import type { DeviceRow } from '../../core/store/device-row.ts'
import { silenceConsole } from '../../hosts/whatsapp/silence-console.ts'
import { DEVICES_TABLE, KEY_ROWS, MONGODB, readStates } from '../builders/other-systems.ts'
import { importVariables } from '../cli/import/builders.ts'
import { startMooring } from '../cli/mooring-command.ts'
import { firstTimes, startApplication, type TestApplication, textOf } from './application.ts'
import { startTestFleet, type TestFleet } from './fleet-under-test.ts'
import { pairElsewhere } from './linked-elsewhere.ts'
import { untilSent } from './sending.ts'
import { until } from './until.ts'

const DEVICES = Number(process.env.MOORING_BESIDE_DEVICES ?? 40)
/** The fleet's own devices, which talk all the time. */
const RUNNING = Math.max(6, Math.round(DEVICES / 10))
const SERVERS = 3
const SECRET = 'the secret of the messages'
const CONTACT = '15550100150'
const LANES = 8
const textOfTurn = (turn: number) => `text ${turn}`
const FIRST = textOfTurn(1)
const TALK_EVERY_MS = 500
const START_MS_MAX = 60_000
const EACH_MS_MAX = 4000
const LIMIT_MS = START_MS_MAX + DEVICES * EACH_MS_MAX

const SYSTEMS = ['folders', DEVICES_TABLE, KEY_ROWS, MONGODB] as const

let scratch: string
let application: TestApplication
let fleet: TestFleet

before(async () => {
  silenceConsole()
  scratch = mkdtempSync(join(tmpdir(), 'mooring-import-beside-'))
  application = await startApplication()
  fleet = await startTestFleet({
    servers: SERVERS,
    messages: { url: application.url, secret: SECRET },
  })
})

after(async () => {
  await fleet?.close()
  application?.close()
  rmSync(scratch, { recursive: true, force: true })
})

/** The devices of each system, and the command that imports them. */
async function prepare(ids: readonly DeviceId[]): Promise<(readonly string[])[]> {
  const commands: (readonly string[])[] = []
  for (const [at, system] of SYSTEMS.entries()) {
    const folder = join(scratch, `system-${at}`)
    const own = ids.filter((_, place) => place % SYSTEMS.length === at)
    mkdirSync(folder)
    await pairElsewhere(fleet, own, folder)
    if (system === 'folders') commands.push(['import', 'multi-file', folder])
    else commands.push(system.write(folder, await readStates(folder, own)))
  }
  return commands
}

/** What prints here is searched for keys with the fleet's logs. */
async function run(command: readonly string[]): Promise<void> {
  const variables = importVariables(fleet.database.endpoint, fleet.authKeyFile)
  const ran = await startMooring([...command, '--yes'], variables, { killAfterMs: LIMIT_MS }).ended
  writeFileSync(join(fleet.logDir, `import-${command[1]}.log`), ran.out + ran.err)
  assert.equal(ran.exit, 0, ran.out + ran.err)
}

/** The first text is answered after it is read: first texts that cross would need a retry. */
async function beginTalks(jids: ReadonlyMap<DeviceId, string>): Promise<void> {
  await inParallel([...jids], LANES, async ([id, jid]) => {
    await fleet.simulator.text(jid, FIRST, CONTACT)
    await until(`"${id}" has read "${FIRST}"`, LIMIT_MS, async () => textsOf(id).includes(FIRST))
    await untilSent(fleet, SECRET, id, `+${CONTACT}`, FIRST, LIMIT_MS)
  })
}

/** A contact and each device write to each other, one text after another.
 *  @returns ends the talk, and tells the texts of each device */
function keepTalking(jids: ReadonlyMap<DeviceId, string>): () => Promise<ReadonlyMap<DeviceId, string[]>> {
  const written = new Map([...jids.keys()].map((id) => [id, [FIRST]]))
  let isOver = false
  const talking = (async () => {
    for (let turn = 2; !isOver; turn++) {
      await inParallel([...jids], LANES, async ([id, jid]) => {
        const text = textOfTurn(turn)
        written.get(id)?.push(text)
        await fleet.simulator.text(jid, text, CONTACT)
        await untilSent(fleet, SECRET, id, `+${CONTACT}`, text, LIMIT_MS)
      })
      await new Promise((resolve) => setTimeout(resolve, TALK_EVERY_MS))
    }
  })()
  // A failure is told at the end, and must not end the process before.
  talking.catch(() => undefined)
  return async () => {
    isOver = true
    await talking
    return written
  }
}

const textsOf = (id: DeviceId) => firstTimes(application.of(id)).map(textOf)

const readByContact = (jid: string) =>
  fleet.simulator
    .received(jid)
    .filter(({ to }) => to === CONTACT)
    .map(({ text }) => text)

async function jidsOf(ids: readonly DeviceId[]): Promise<Map<DeviceId, string>> {
  const rows = await fleet.devices(ids)
  return new Map(rows.map((row) => [row.deviceId, row.account?.jid ?? '']))
}

/** On a busy machine the embedded database may be too late for one look. */
async function untilAllConnected(ids: readonly DeviceId[]): Promise<DeviceRow[]> {
  await until('all devices connected', LIMIT_MS, () =>
    fleet.openSockets(ids).then(
      (open) => open === ids.length,
      () => false,
    ),
  )
  return fleet.untilConnected(ids)
}

test(`${DEVICES} devices of four systems come in at once beside ${RUNNING} that talk`, async (t) => {
  const begun = systemClock.mark()
  const tell = (what: string) =>
    t.diagnostic(`${what} after ${Math.round(systemClock.elapsedMs(begun) / 1000)} s`)
  const ids = Array.from({ length: DEVICES }, (_, at) => deviceId(`shop-${at + 1}`))
  const running = await jidsOf(await fleet.linkDevices(RUNNING, 'running'))
  const commands = await prepare(ids)
  tell(`${DEVICES} devices linked elsewhere`)
  const known = fleet.simulator.accounts().length
  await beginTalks(running)
  fleet.simulator.resetReport()
  const endTalk = keepTalking(running)

  await Promise.all(commands.map(run))
  tell('imported')
  const rows = await untilAllConnected(ids)
  tell('all connected')
  await inParallel(rows, LANES, async ({ deviceId: id, account }) => {
    await fleet.simulator.text(account?.jid ?? '', 'ahoy', CONTACT)
    await until(`"${id}" has read a text`, LIMIT_MS, async () => textsOf(id).includes('ahoy'))
    await untilSent(fleet, SECRET, id, `+${CONTACT}`, 'aye', LIMIT_MS)
  })
  tell('all have read and answered')
  const written = await endTalk()
  for (const [id, texts] of written) {
    await until(`"${id}" has read every text`, LIMIT_MS, async () => textsOf(id).length === texts.length)
  }

  for (const { account } of rows) assert.deepEqual(readByContact(account?.jid ?? ''), ['aye'])
  for (const [id, texts] of written) {
    assert.deepEqual(textsOf(id), texts, id)
    assert.deepEqual(readByContact(running.get(id) ?? ''), texts, id)
  }
  assert.equal(fleet.simulator.accounts().length, known)
  const { pairings, refusedLogins, conflicts, messages } = fleet.simulator.report()
  const { retries, nacked, undecryptable } = messages
  assert.deepEqual(
    { pairings, refusedLogins, conflicts, retries, nacked, undecryptable },
    {
      pairings: 0,
      refusedLogins: 0,
      conflicts: { overlap: 0, foreign: 0 },
      retries: 0,
      nacked: 0,
      undecryptable: 0,
    },
  )
  fleet.assertNeverTwoSockets()
  const talked = [...written.values()].reduce((sum, texts) => sum + texts.length, 0)
  tell(`${talked} texts each way of running devices, 0 lost`)
})
