import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { burstOf, createConnectLimiter } from '../../../hosts/server/connect-limiter.ts'
import { manualClock } from '../../builders/manual-clock.ts'

const never = new AbortController().signal

test('the connects of a quarter of a second start at once, and the next ones at the given rate', async () => {
  const clock = manualClock()
  const limiter = createConnectLimiter(clock, 20)
  const begun = clock.mark()
  await clock.runUntilDone(Promise.all(Array.from({ length: 5 }, () => limiter.turn(never))))
  assert.equal(clock.elapsedMs(begun), 0)
  await clock.runUntilDone(Promise.all(Array.from({ length: 40 }, () => limiter.turn(never))))
  assert.equal(clock.elapsedMs(begun), 2000)
})

test('an idle limiter saves up no more than a quarter of a second', async () => {
  const clock = manualClock()
  const limiter = createConnectLimiter(clock, 20)
  clock.advance(60_000)
  const begun = clock.mark()
  await clock.runUntilDone(Promise.all(Array.from({ length: 25 }, () => limiter.turn(never))))
  assert.equal(clock.elapsedMs(begun), 1000)
})

test('a rate below four per second still lets one connect go at once', async () => {
  const clock = manualClock()
  const limiter = createConnectLimiter(clock, 0.5)
  const begun = clock.mark()
  await clock.runUntilDone(limiter.turn(never))
  assert.equal(clock.elapsedMs(begun), 0)
  await clock.runUntilDone(limiter.turn(never))
  assert.equal(clock.elapsedMs(begun), 2000)
})

test('turns are given in the order of asking', async () => {
  const clock = manualClock()
  const limiter = createConnectLimiter(clock, 10)
  const order: number[] = []
  const turns = Array.from({ length: 12 }, (_, n) => limiter.turn(never).then(() => order.push(n)))
  await clock.runUntilDone(Promise.all(turns))
  assert.deepEqual(
    order,
    Array.from({ length: 12 }, (_, n) => n),
  )
})

test('a rate that is raised counts at once for waiting callers', async () => {
  const clock = manualClock()
  const limiter = createConnectLimiter(clock, 1)
  const begun = clock.mark()
  const turns = Promise.all(Array.from({ length: 11 }, () => limiter.turn(never)))
  limiter.setRate(10)
  await clock.runUntilDone(turns)
  assert.equal(clock.elapsedMs(begun), 1000)
})

test('a rate that is lowered counts at once for waiting callers', async () => {
  const clock = manualClock()
  const limiter = createConnectLimiter(clock, 4)
  const begun = clock.mark()
  const turns = Promise.all(Array.from({ length: 3 }, () => limiter.turn(never)))
  limiter.setRate(1)
  await clock.runUntilDone(turns)
  assert.equal(clock.elapsedMs(begun), 2000)
})

test('the limiter tells how many callers wait for their turn', async () => {
  const clock = manualClock()
  const limiter = createConnectLimiter(clock, 1)
  const turns = Promise.all(Array.from({ length: 4 }, () => limiter.turn(never)))
  assert.equal(limiter.waiting(), 3)
  await clock.runUntilDone(turns)
  assert.equal(limiter.waiting(), 0)
})

test('a caller that is told to stop waiting gets no turn, and takes none from the callers behind it', async () => {
  const clock = manualClock()
  const limiter = createConnectLimiter(clock, 1)
  const stop = new AbortController()
  assert.equal(await limiter.turn(stop.signal), true)
  const begun = clock.mark()
  const gaveUp = limiter.turn(stop.signal)
  const behind = limiter.turn(never)
  stop.abort()
  assert.equal(await gaveUp, false)
  assert.equal(await clock.runUntilDone(behind), true)
  assert.equal(clock.elapsedMs(begun), 1000)
})

test('a caller that was told to stop before it asked gets no turn', async () => {
  assert.equal(await createConnectLimiter(manualClock(), 1).turn(AbortSignal.abort()), false)
})

const rate = fc.double({ min: 0.2, max: 100, noNaN: true })
const happening = fc.oneof(
  fc.record({ asks: fc.integer({ min: 1, max: 20 }) }),
  fc.record({ passesMs: fc.integer({ min: 1, max: 3000 }) }),
  fc.record({ rate }),
)

test('no span of time has more connects than its rates allow, and one burst', async () => {
  await fc.assert(
    fc.asyncProperty(rate, fc.array(happening, { maxLength: 40 }), async (firstRate, happenings) => {
      const clock = manualClock()
      const limiter = createConnectLimiter(clock, firstRate)
      // Noted at every event: the connects that were allowed since the start, and those that had started.
      const seen: { allowed: number; gone: number }[] = []
      let [present, highest, allowed, gone] = [firstRate, firstRate, 0, 0]
      const look = () => seen.push({ allowed, gone })
      look()
      for (const next of happenings) {
        if ('asks' in next) {
          for (let n = 0; n < next.asks; n++) void limiter.turn(never).then(() => gone++)
        } else if ('rate' in next) {
          limiter.setRate(next.rate)
          present = next.rate
          highest = Math.max(highest, present)
        } else {
          for (let passed = 0; passed < next.passesMs; passed += 50) {
            clock.advance(50)
            allowed += (50 * present) / 1000
            await new Promise(setImmediate)
            look()
          }
        }
        await new Promise(setImmediate)
        look()
      }
      for (const [at, from] of seen.entries()) {
        for (const to of seen.slice(at)) {
          const most = to.allowed - from.allowed + burstOf(highest)
          assert.ok(to.gone - from.gone <= most + 1e-3, `${to.gone - from.gone} went where ${most} may`)
        }
      }
    }),
    { numRuns: 60 },
  )
})

test('a place that is given up again and again does not hold up later callers', async () => {
  const clock = manualClock()
  const limiter = createConnectLimiter(clock, 5)
  for (let wait = 0; wait < 500; wait++) {
    const stop = new AbortController()
    const waiting = limiter.turn(stop.signal)
    stop.abort()
    await waiting
  }
  const begun = clock.mark()
  await clock.runUntilDone(limiter.turn(never))
  assert.ok(clock.elapsedMs(begun) <= 1000, `${clock.elapsedMs(begun)} ms`)
})
