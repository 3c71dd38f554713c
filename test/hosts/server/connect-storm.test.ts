import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { shareChanges } from '../../../core/balance/fair-shares.ts'
import { type ServerId, serverId } from '../../../core/ids.ts'
import { burstOf, createConnectLimiter } from '../../../hosts/server/connect-limiter.ts'
import { createConnectRate } from '../../../hosts/server/connect-rate.ts'
import { type ManualClock, manualClock } from '../../builders/manual-clock.ts'

const BEAT_EVERY_MS = 2000
const LOOK_EVERY_MS = 1000
const STEP_MS = 100
const OF_SERVER = 5
const OF_FLEET = 10

interface Sharer {
  readonly serverId: ServerId
  waiting: number
  connectShare?: number
  readonly limiter: ReturnType<typeof createConnectLimiter>
  readonly rate: ReturnType<typeof createConnectRate>
  readonly beatsAtMs: number
}

/** The limiters of a fleet, with beats and the looks of a sweep, and nothing else: in virtual time. */
function aFleet(clock: ManualClock, beatsAtMs: readonly number[]) {
  const gone: number[] = []
  const servers: Sharer[] = beatsAtMs.map((offset, at) => {
    const rate = createConnectRate(OF_SERVER)
    const limiter = createConnectLimiter(clock, rate.initial)
    return { serverId: serverId(`web-${at}`), waiting: 0, limiter, rate, beatsAtMs: offset }
  })
  let nowMs = 0
  const look = () => {
    for (const { server, share } of shareChanges(OF_FLEET, servers)) server.connectShare = share
  }
  const beat = (server: Sharer) => {
    server.waiting = server.limiter.waiting()
    server.limiter.setRate(server.rate.told(server))
  }
  return {
    servers,
    gone,
    ask(server: Sharer, connects: number) {
      const never = new AbortController().signal
      for (let n = 0; n < connects; n++) void server.limiter.turn(never).then(() => gone.push(nowMs))
    },
    async pass(ms: number) {
      for (const untilMs = nowMs + ms; nowMs < untilMs; ) {
        nowMs += STEP_MS
        clock.advance(STEP_MS)
        for (const server of servers) if (nowMs % BEAT_EVERY_MS === server.beatsAtMs) beat(server)
        if (nowMs % LOOK_EVERY_MS === 0) look()
        await new Promise(setImmediate)
      }
    },
  }
}

function mostWithin(windowMs: number, times: readonly number[]): number {
  return Math.max(0, ...times.map((from) => times.filter((at) => at >= from && at < from + windowMs).length))
}

const offset = fc.integer({ min: 0, max: BEAT_EVERY_MS / STEP_MS - 1 }).map((steps) => steps * STEP_MS)
const offsets = fc.array(offset, { minLength: 6, maxLength: 6 })

test('after the loss of a third of the fleet no second has more connects than the limit and one burst', async () => {
  await fc.assert(
    fc.asyncProperty(
      offsets,
      fc.array(fc.nat({ max: 60 }), { minLength: 4, maxLength: 4 }),
      async (beats, lost) => {
        const fleet = aFleet(manualClock(), beats)
        await fleet.pass(10_000)
        fleet.servers.splice(4)
        for (const [at, server] of fleet.servers.entries()) fleet.ask(server, lost[at] ?? 0)
        await fleet.pass(60_000)

        const devices = lost.reduce((sum, count) => sum + count, 0)
        const burst = 4 * burstOf(OF_FLEET / 4)
        assert.equal(fleet.gone.length, devices)
        for (const windowMs of [1000, 5000, 20_000]) {
          const most = mostWithin(windowMs, fleet.gone)
          const allowed = (OF_FLEET * windowMs) / 1000 + burst
          assert.ok(most <= allowed, `${most} connects within ${windowMs} ms, where ${allowed} may`)
        }
      },
    ),
    { numRuns: 15 },
  )
})

test('a recovery uses the rate of the fleet: it is not much slower than its limits', async () => {
  const fleet = aFleet(manualClock(), [0, 300, 700, 1100, 1500, 1900])
  await fleet.pass(10_000)
  fleet.servers.splice(4)
  const [one, two] = fleet.servers
  assert.ok(one && two)
  fleet.ask(one, 80)
  fleet.ask(two, 80)
  // 160 connects at 10 per second. The two servers without need keep a fifth of an even share each.
  await fleet.pass(24_000)
  assert.equal(fleet.gone.length, 160)
})
