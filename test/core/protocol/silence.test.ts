import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { createBurialRule, watchBeats } from '../../../core/protocol/silence.ts'
import { DEFAULT_SETTINGS } from '../../../core/settings.ts'
import type { ServerRow } from '../../../core/store/server-row.ts'
import { aServerRow } from '../../builders/builders.ts'
import { type ManualClock, manualClock } from '../../builders/manual-clock.ts'

let clock: ManualClock
beforeEach(() => {
  clock = manualClock()
})

describe('an observer of beats', () => {
  test('counts silence from its first sight of the beat', () => {
    const watch = watchBeats(clock)
    const web1 = aServerRow('web-1', { beat: 5 })

    watch.look([web1])
    clock.advance(4000)
    watch.look([web1])
    clock.advance(3000)

    assert.equal(watch.silentForMs(web1), 7000)
  })

  test('starts again with every new beat', () => {
    const watch = watchBeats(clock)
    watch.look([aServerRow('web-1', { beat: 5 })])
    clock.advance(9000)

    watch.look([aServerRow('web-1', { beat: 6 })])
    clock.advance(1000)

    assert.equal(watch.silentForMs(aServerRow('web-1', { beat: 6 })), 1000)
  })

  test('knows no silence of a beat that it has not seen', () => {
    const watch = watchBeats(clock)
    watch.look([aServerRow('web-1', { beat: 5 })])
    clock.advance(60_000)

    assert.equal(watch.silentForMs(aServerRow('web-1', { beat: 6 })), 0)
    assert.equal(watch.silentForMs(aServerRow('web-2')), 0)
  })

  test('uses neither a time in a row nor the time of day', () => {
    const watch = watchBeats(clock)
    const web1 = aServerRow('web-1', { beatAt: 0, joinedAt: 0, expiresAt: 0 })
    watch.look([web1])
    clock.setWallBy(5 * 3_600_000)

    assert.equal(watch.silentForMs(web1), 0)
  })

  test('counts the time for which its own machine slept', () => {
    const watch = watchBeats(clock)
    const web1 = aServerRow('web-1')
    watch.look([web1])

    clock.suspend(30_000)

    assert.equal(watch.silentForMs(web1), 30_000)
  })
})

describe('the burial rule', () => {
  test('buries one silent server of three at the bury time, not a look earlier', () => {
    const fleet = aFleet(3)

    const early = fleet.after(10_999, { silent: ['server-0'] })
    const due = fleet.after(1, { silent: ['server-0'] })

    assert.deepEqual(early.bury, [])
    assert.deepEqual(due, { bury: ['server-0'], deferred: [] })
  })

  test('buries a lone server: one silent server is a death', () => {
    const fleet = aFleet(1)

    assert.deepEqual(fleet.after(11_000, { silent: ['server-0'] }).bury, ['server-0'])
  })

  test('buries half of the fleet: half is not most', () => {
    const fleet = aFleet(4)

    const verdict = fleet.after(11_000, { silent: ['server-0', 'server-1'] })

    assert.deepEqual(verdict, { bury: ['server-0', 'server-1'], deferred: [] })
  })

  test('buries neither dead servers nor servers that left, and does not count them as live', () => {
    const fleet = aFleet(4, { 'server-2': 'dead', 'server-3': 'stopped' })

    const verdict = fleet.after(11_000, { silent: ['server-0', 'server-2', 'server-3'] })

    assert.deepEqual(verdict, { bury: ['server-0'], deferred: [] })
  })

  test('buries servers that join or drain when they fall silent', () => {
    const fleet = aFleet(5, { 'server-0': 'joining', 'server-1': 'draining' })

    assert.deepEqual(fleet.after(11_000, { silent: ['server-0', 'server-1'] }).bury, ['server-0', 'server-1'])
  })
})

describe('the brake', () => {
  const all = ['server-0', 'server-1', 'server-2']

  test('spares the servers when most fall silent together', () => {
    const fleet = aFleet(3)

    const verdict = fleet.after(11_000, { silent: ['server-0', 'server-1'] })

    assert.deepEqual(verdict, { bury: [], deferred: ['server-0', 'server-1'] })
  })

  test('waits one more lease and buries them then', () => {
    const fleet = aFleet(3)

    const last = fleet.after(18_000, { silent: all })
    const due = fleet.after(1000, { silent: all })

    assert.deepEqual(last.bury, [])
    assert.deepEqual(due, { bury: all, deferred: [] })
  })

  test('is on before the first server is due, though they did not fall silent in the same second', () => {
    const fleet = aFleet(3)
    fleet.after(3000, { silent: ['server-0'] })

    const verdict = fleet.after(8000, { silent: ['server-0', 'server-1'] })

    assert.deepEqual(verdict, { bury: [], deferred: ['server-0'] })
  })

  test('spares servers that come back a little later than most', () => {
    const fleet = aFleet(4)
    fleet.after(16_000, { silent: [...all, 'server-3'] })

    const half = fleet.after(1000, { silent: ['server-0', 'server-1'] })
    const last = fleet.after(1000, { silent: ['server-0'] })
    const none = fleet.after(1000, { silent: [] })

    assert.deepEqual(half.bury, [])
    assert.deepEqual(last.bury, [])
    assert.deepEqual(none.bury, [])
  })

  test('buries a server that does not come back with the others, after one more lease', () => {
    const fleet = aFleet(3)
    fleet.after(12_000, { silent: all })

    const spared = fleet.after(6000, { silent: ['server-0'] })
    const buried = fleet.after(2000, { silent: ['server-0'] })

    assert.deepEqual(spared.bury, [])
    assert.deepEqual(buried.bury, ['server-0'])
  })

  test('is on for an observer that could not look, though most servers are back at its next look', () => {
    const fleet = aFleet(4)

    fleet.blindFor(30_000)
    const first = fleet.lookOnce({ silent: ['server-0'] })
    const second = fleet.after(2000, { silent: ['server-0'] })
    const third = fleet.after(1000, { silent: [] })

    assert.deepEqual(first.bury, [])
    assert.deepEqual(second.bury, [])
    assert.deepEqual(third.bury, [])
    assert.deepEqual(first.deferred, ['server-0'])
  })

  test('delays the burial of a dead server by at most a lease when the observer looks seldom', () => {
    const fleet = aFleet(3)

    fleet.blindFor(7000)
    fleet.lookOnce({ silent: ['server-0'] })
    fleet.blindFor(7000)
    fleet.lookOnce({ silent: ['server-0'] })
    fleet.blindFor(7000)

    assert.deepEqual(fleet.lookOnce({ silent: ['server-0'] }).bury, ['server-0'])
  })

  test('works with beats so slow that three of them take longer than the bury time', () => {
    const slow = aFleet(3, {}, { ...DEFAULT_SETTINGS, beatEveryMs: 5000 })

    assert.deepEqual(slow.after(11_000, { silent: all }), { bury: [], deferred: all })
  })
})

/** A fleet at which an observer looks once a second. The servers that are not silent beat before each
 *  look. */
function aFleet(count: number, states: Record<string, ServerRow['state']> = {}, settings = DEFAULT_SETTINGS) {
  const watch = watchBeats(clock)
  const ruleOn = createBurialRule(clock, watch, settings)
  let rows = Array.from({ length: count }, (_, n) =>
    aServerRow(`server-${n}`, { state: states[`server-${n}`] ?? 'active' }),
  )
  const lookOnce = ({ silent }: { silent: readonly string[] }) => {
    rows = rows.map((row) => (silent.includes(row.serverId) ? row : { ...row, beat: row.beat + 1 }))
    watch.look(rows)
    const { bury, deferred } = ruleOn(rows)
    return {
      bury: bury.map((server) => server.serverId as string),
      deferred: deferred.map((server) => server.serverId as string),
    }
  }
  lookOnce({ silent: [] })
  return {
    lookOnce,
    blindFor: (ms: number) => clock.advance(ms),
    after(ms: number, now: { silent: readonly string[] }) {
      for (let left = ms; left > 1000; left -= 1000) {
        clock.advance(1000)
        lookOnce(now)
      }
      clock.advance(ms % 1000 || 1000)
      return lookOnce(now)
    },
  }
}
