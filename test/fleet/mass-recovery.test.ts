/** The loss of a server under limits on connects, of each server and of the fleet. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startTestFleet, type TestFleet } from './fleet-under-test.ts'
import { until } from './until.ts'

const DEVICES = 100
const SERVERS = 4
/** The limits are low, so that the recovery waits for them alone. */
const OF_SERVER = 5
const OF_FLEET = 10
/** This many connects may go at once besides the rate: a quarter of a second's worth, and one for each
 *  server. */
const BURST = SERVERS + OF_FLEET / 4
/** A login follows its turn after a permit and a handshake, which take different times. All logins whose
 *  turns are spread over this much more time may fall into one window. */
const HANDSHAKES_DIFFER_MS = 1000

let fleet: TestFleet
const logins: { atMs: number; server: string }[] = []

before(async () => {
  fleet = await startTestFleet({
    servers: SERVERS,
    capacity: 60,
    connectsPerSecond: OF_SERVER,
    fleetConnectsPerSecond: OF_FLEET,
    onWhatsAppEvent: ({ event, label }) => {
      if (event === 'logged-in') logins.push({ atMs: performance.now(), server: label })
    },
  })
})

after(async () => {
  await fleet?.close()
})

/** The most logins in any window of that length. */
function mostWithin(windowMs: number, of: readonly { atMs: number }[]): number {
  const most = of.map(
    (first) => of.filter(({ atMs }) => atMs >= first.atMs && atMs < first.atMs + windowMs).length,
  )
  return Math.max(0, ...most)
}

test('100 devices recover evenly from the loss of a server, and no faster than both limits allow', async (context) => {
  const ids = await fleet.linkDevices(DEVICES)
  const lost = await fleet.ownedBy(ids, 'server-1')
  assert.ok(lost.length > 0)
  logins.length = 0

  fleet.processOf('server-1').signal('SIGKILL')
  await until(
    'the server to be gone',
    20_000,
    async () => (await fleet.activeServers()).length === SERVERS - 1,
  )
  await until('every socket open', 90_000, async () => fleet.simulator.report().openSockets === DEVICES)
  await fleet.untilConnected(ids)

  assert.equal(logins.length, lost.length)
  const allowed = (rate: number, windowMs: number) => (rate * (windowMs + HANDSHAKES_DIFFER_MS)) / 1000
  for (const windowMs of [1000, 3000]) {
    const most = mostWithin(windowMs, logins)
    context.diagnostic(`${lost.length} logins; at most ${most} within ${windowMs} ms`)
    assert.ok(most <= allowed(OF_FLEET, windowMs) + BURST, `${most} logins within ${windowMs} ms`)
    for (const server of new Set(logins.map((login) => login.server))) {
      const ofOne = mostWithin(
        windowMs,
        logins.filter((login) => login.server === server),
      )
      assert.ok(
        ofOne <= allowed(OF_SERVER, windowMs) + 2,
        `${ofOne} logins at ${server} within ${windowMs} ms`,
      )
    }
  }
  const survivors = (await fleet.activeServers()).map(({ load }) => load)
  assert.equal(
    survivors.reduce((sum, load) => sum + load, 0),
    DEVICES,
  )
  assert.ok(Math.max(...survivors) - Math.min(...survivors) <= 0.1 * 60, `loads ${survivors}`)
  fleet.assertNeverTwoSockets()
  assert.deepEqual(fleet.simulator.report().conflicts, { overlap: 0, foreign: 0 })
})

test('GET /fleet tells the share of each server, and their sum is within the limit of the fleet', async () => {
  const { body } = await fleet.call('GET', '/fleet')
  const shares = (body.servers as { connectShare: number }[]).map(({ connectShare }) => connectShare)
  assert.equal(shares.length, SERVERS - 1)
  assert.ok(shares.every((share) => share > 0))
  assert.ok(shares.reduce((sum, share) => sum + share, 0) <= OF_FLEET + 0.05)
})
