import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createFollowUps } from '../../../hosts/device/follow-up.ts'
import type { Closed } from '../../../hosts/device/next-step.ts'
import { STALLED } from '../../../hosts/whatsapp/close-codes.ts'
import { scriptedRandom } from '../../builders/chance.ts'
import { manualClock } from '../../builders/manual-clock.ts'

const LOST: Closed = { code: 428, opened: false, conflicts: 0, wasNeverAccepted: false, unproven: false }
const UNPROVEN: Closed = { ...LOST, code: 401, unproven: true }

/** The longest wait of each bound is drawn. */
function someFollowUps() {
  const clock = manualClock()
  let replaced = 0
  const followUps = createFollowUps({
    clock,
    random: scriptedRandom(1),
    backoff: { baseMs: 1000, capMs: 8000 },
    replacing: () => {
      replaced += 1
    },
  })
  const decide = (closed: Partial<Closed>, permittedAt = clock.mark()) =>
    followUps.decide({ ...LOST, ...closed }, permittedAt)
  return { clock, followUps, decide, replaced: () => replaced }
}

test('the waits grow with each close, and an error in between counts as one more failure', () => {
  const { followUps, decide } = someFollowUps()
  assert.equal(decide({}).wait?.ms, 1000)
  assert.equal(followUps.backOffMs(), 2000)
  assert.equal(decide({}).wait?.ms, 4000)
})

test('a socket that was open for more than 30 s makes the waits begin from the start', () => {
  const { clock, decide } = someFollowUps()
  decide({})
  decide({})
  const permittedAt = clock.mark()
  clock.advance(30_001)
  assert.equal(decide({ opened: true }, permittedAt).wait?.ms, 1000)
})

test('a socket that was open for 30 s only leaves the waits as they are', () => {
  const { clock, decide } = someFollowUps()
  decide({})
  const permittedAt = clock.mark()
  clock.advance(30_000)
  assert.equal(decide({ opened: true }, permittedAt).wait?.ms, 2000)
})

test('a login that took long leaves the waits as they are', () => {
  const { clock, decide } = someFollowUps()
  decide({})
  const permittedAt = clock.mark()
  clock.advance(60_000)
  assert.equal(decide({ opened: false }, permittedAt).wait?.ms, 2000)
})

test('a good socket that was closed on request makes the waits begin from the start', () => {
  const { clock, followUps, decide } = someFollowUps()
  decide({})
  const permittedAt = clock.mark()
  clock.advance(30_001)
  followUps.noteOpened(permittedAt)
  assert.equal(decide({}).wait?.ms, 1000)
})

test('the restart at the end of a pairing has no wait and is no good socket', () => {
  const { clock, decide } = someFollowUps()
  decide({})
  const permittedAt = clock.mark()
  clock.advance(60_000)
  assert.deepEqual(decide({ code: 515, opened: true }, permittedAt), { step: { do: 'reconnect_now' } })
  assert.equal(decide({}).wait?.ms, 2000)
})

test('the pause after a conflict is fixed and no failure', () => {
  const { decide } = someFollowUps()
  assert.equal(decide({ code: 440, conflicts: 1 }).wait?.ms, 3000)
  assert.equal(decide({}).wait?.ms, 1000)
})

test('refusals that seem not to pass are tried again up to half an hour apart', () => {
  const { decide } = someFollowUps()
  const waits = Array.from({ length: 12 }, () => decide({ code: 400 }).wait?.ms)
  assert.equal(waits[3], 8000)
  assert.equal(waits[4], 16_000)
  assert.equal(waits.at(-1), 1_800_000)
})

test('a ban is waited out, and one of no length is backed off from', () => {
  const { decide } = someFollowUps()
  assert.equal(decide({ code: 402, banMs: 7_200_000 }).wait?.ms, 7_200_000)
  assert.equal(decide({ code: 402, banMs: 0 }).wait?.ms, 2000)
  assert.equal(decide({ code: 402 }).wait?.ms, 3_600_000)
})

test('a refused version of the client is tried again within half an hour, and is no failure', () => {
  const { decide } = someFollowUps()
  assert.equal(decide({ code: 405 }).wait?.ms, 1_800_000)
  assert.equal(decide({}).wait?.ms, 1000)
})

test('unproven credentials are given up a minute after WhatsApp first refused them', () => {
  const { clock, decide } = someFollowUps()
  clock.advance(100_000)
  assert.equal(decide(UNPROVEN).step.do, 'reconnect')
  clock.advance(59_999)
  assert.equal(decide(UNPROVEN).step.do, 'reconnect')
  clock.advance(1)
  assert.deepEqual(decide(UNPROVEN), { step: { do: 'release', because: 'logged_out' } })
})

test('a lost connection does not begin the minute of unproven credentials', () => {
  const { clock, decide } = someFollowUps()
  decide({ unproven: true })
  clock.advance(60_000)
  assert.equal(decide(UNPROVEN).step.do, 'reconnect')
})

test('a stalled socket is replaced without a wait, and sends are told', () => {
  const { decide, replaced, followUps } = someFollowUps()
  assert.equal(followUps.mayReplace(), true)
  const { step, wait } = decide({ code: STALLED, opened: true })
  assert.equal(step.do, 'replace')
  assert.equal(wait?.ms, 0)
  assert.equal(replaced(), 1)
  assert.equal(followUps.mayReplace(), false)
})

test('a stalled login is a failure, and replaces nothing', () => {
  const { decide, replaced, followUps } = someFollowUps()
  assert.equal(decide({ code: STALLED }).wait?.ms, 1000)
  assert.equal(replaced(), 0)
  assert.equal(followUps.mayReplace(), true)
})
