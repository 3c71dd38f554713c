/** The order of each device's messages while servers are frozen again and again, and contacts write all the
 *  time. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { DeviceId } from '../../core/ids.ts'
import { firstTimes, startApplication, type TestApplication, textOf } from './application.ts'
import { startTestFleet, type TestFleet } from './fleet-under-test.ts'
import { until } from './until.ts'

const FREEZES = Number(process.env.MOORING_FREEZES ?? 50)
const SERVERS = 4
/** At most half of the servers: with more, the brake would delay the burials. */
const AT_ONCE = 2
const SETTINGS = { beatEveryMs: 300, fenceAfterMs: 2000, buryAfterMs: 4200 }
/** Longer than the fence time: the server closes its sockets, and opens them again. */
const SHORT_MS = 2600
/** Longer than the bury time, a look of the sweep and a login: the devices are open elsewhere. */
const LONG_MS = 7000
const LONG_EACH = 5
const CONTACTS = ['15550100101', '15550100102', '15550100103']
/** A busy machine with its embedded database is faster than this, so that all texts come in the end. */
const WRITES_EVERY_MS = 500

let application: TestApplication
let fleet: TestFleet
before(async () => {
  application = await startApplication()
  fleet = await startTestFleet({
    servers: SERVERS,
    restart: true,
    settings: SETTINGS,
    messages: { url: application.url, secret: 'a secret of messages, for a test' },
    serverVariables: { BACKOFF_BASE_MS: '200', BACKOFF_CAP_MS: '1000' },
  })
})
after(async () => {
  await fleet?.close()
  application?.close()
})

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Each device in turn gets a text with its next number, each time from another contact. */
function keepWriting(jids: ReadonlyMap<DeviceId, string>) {
  const written = new Map([...jids.keys()].map((device) => [device, [] as string[]]))
  let isOver = false
  const writing = (async () => {
    for (let turn = 0; !isOver; turn++) {
      for (const [device, jid] of jids) {
        const texts = written.get(device) ?? []
        const text = `text ${texts.length + 1}`
        texts.push(text)
        await fleet.simulator.text(jid, text, CONTACTS[turn % CONTACTS.length])
      }
      await pause(WRITES_EVERY_MS)
    }
  })()
  return async () => {
    isOver = true
    await writing
    return written
  }
}

/** Freezes as many servers as may be frozen at once. @returns how many devices they had */
async function freeze(ids: readonly DeviceId[], round: number, forMs: number): Promise<number> {
  const victims = [0, 1].slice(0, AT_ONCE).map((at) => `server-${((round * AT_ONCE + at) % SERVERS) + 1}`)
  const held = await Promise.all(victims.map((name) => fleet.ownedBy(ids, name)))
  const frozen = victims.map((name) => fleet.processOf(name))
  for (const server of frozen) server.signal('SIGSTOP')
  await pause(forMs)
  for (const server of frozen) server.signal('SIGCONT')
  return held.flat().length
}

test(`the order of each device's messages holds over ${FREEZES} freezes of servers while contacts write`, {
  timeout: 420_000,
}, async (context) => {
  const ids = await fleet.linkDevices(8)
  const rows = await fleet.devices(ids)
  const stop = keepWriting(new Map(rows.map((row) => [row.deviceId, row.account?.jid ?? ''])))

  let struck = 0
  for (let round = 0; round < FREEZES / AT_ONCE; round++) {
    const isLong = round % LONG_EACH === LONG_EACH - 1
    struck += await freeze(ids, round, isLong ? LONG_MS : SHORT_MS)
    await until('all servers again', 30_000, async () => (await fleet.activeServers()).length === SERVERS)
    await fleet.untilConnected(ids)
  }
  const written = await stop()
  const missing = () =>
    ids
      .map((id) => [id, (written.get(id)?.length ?? 0) - firstTimes(application.of(id)).length] as const)
      .filter(([, count]) => count > 0)
  await until(
    'every text',
    60_000,
    async () => missing().length === 0,
    async () => missing(),
  )

  const total = [...written.values()].flat().length
  context.diagnostic(`${FREEZES} freezes struck ${struck} devices; ${total} texts`)
  assert.ok(struck >= FREEZES, `${struck} devices were on frozen servers`)
  for (const id of ids) {
    const got = firstTimes(application.of(id))
    assert.deepEqual(got.map(textOf), written.get(id), id)
    assert.deepEqual(
      got.filter(({ seq }, at) => at > 0 && seq <= (got[at - 1]?.seq ?? 0)),
      [],
      'numbers rise',
    )
  }
  fleet.assertNeverTwoSockets()
})
