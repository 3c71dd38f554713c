import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  afterMoves,
  budgetOf,
  mayMove,
  planMoves,
  type Scale,
  type Surroundings,
  spreadOf,
  surpluses,
  whyNoMoves,
} from '../../../core/balance/plan.ts'
import { serverId } from '../../../core/ids.ts'
import { aDeviceRow, aServerRow } from '../../builders/builders.ts'

const BAND = 10
const NOW = Date.UTC(2030, 0, 10)
const MINUTE = 60_000
const DAY = 86_400_000

function scale(id: string, load: number, differing: Partial<Scale> = {}): Scale {
  return { serverId: serverId(id), capacity: 100, load, slots: 1000, mayGive: true, ...differing }
}

function plan(servers: readonly Scale[], movesMax = 1000): string[] {
  return planMoves(servers, BAND, movesMax).map(({ from, to }) => `${from} > ${to}`)
}

/** The servers after the plan was carried out. */
function after(servers: readonly Scale[], bandPercent = BAND, movesMax = 1000): Scale[] {
  return afterMoves(servers, planMoves(servers, bandPercent, movesMax))
}

const loads = (servers: readonly Scale[]) => servers.map(({ load }) => load)

describe('a plan', () => {
  test('is empty while the spread is within the band, its edge included', () => {
    assert.deepEqual(plan([scale('a', 40), scale('b', 50)]), [])
    assert.deepEqual(plan([scale('a', 9, { capacity: 20 }), scale('b', 7, { capacity: 20 })]), [])
    assert.deepEqual(plan([]), [])
    assert.deepEqual(plan([scale('alone', 90)]), [])
  })

  test('ends at the edge of the band, and goes no further', () => {
    assert.deepEqual(loads(after([scale('a', 60), scale('b', 40)])), [55, 45])
  })

  test('takes from the fullest and gives to the emptiest first, by load / capacity', () => {
    const servers = [
      scale('fuller', 70),
      scale('fullest', 45, { capacity: 50 }),
      scale('emptier', 20),
      scale('emptiest', 30, { capacity: 300 }),
    ]

    assert.deepEqual(plan(servers, 1), ['fullest > emptiest'])
  })

  test('moves devices of four servers to a newcomer', () => {
    const fleet = [scale('a', 50), scale('b', 50), scale('c', 50), scale('d', 50), scale('new', 0)]

    const even = loads(after(fleet))

    assert.deepEqual(even, [42, 42, 42, 42, 32])
  })

  test('has no more moves than the limit', () => {
    assert.equal(plan([scale('a', 90), scale('b', 0)], 7).length, 7)
    assert.equal(plan([scale('a', 90), scale('b', 0)], 0).length, 0)
  })

  test('counts the devices under way for the giver and for the receiver', () => {
    const servers = [scale('a', 90, { slots: 2 }), scale('b', 80), scale('new', 0, { slots: 3 })]

    assert.deepEqual(plan(servers), ['a > new', 'a > new', 'b > new'])
  })

  test('passes over a server when none of its devices may move', () => {
    const servers = [scale('a', 90, { mayGive: false }), scale('b', 80), scale('new', 0)]

    assert.deepEqual(plan(servers, 1), ['b > new'])
  })

  test('gives nothing to a server that is full, whatever its share of the load', () => {
    const servers = [scale('a', 100), scale('full', 2, { capacity: 2 })]

    assert.deepEqual(plan(servers), [])
  })

  test('leaves a tiny fleet alone when a move would only swap the servers', () => {
    const tiny = { capacity: 3 }
    assert.deepEqual(plan([scale('a', 2, tiny), scale('b', 1, tiny)]), [])
    assert.deepEqual(plan([scale('a', 1, { capacity: 1 }), scale('b', 0, { capacity: 1 })]), [])
    assert.deepEqual(loads(after([scale('a', 3, tiny), scale('b', 1, tiny)])), [2, 2])
  })

  test('evens out the other servers though the fullest is too small to be evened out', () => {
    const servers = [scale('tiny', 1, { capacity: 1 }), scale('a', 90), scale('b', 50)]

    assert.deepEqual(loads(after(servers)), [1, 75, 65])
  })

  test('leaves a small server alone that a move would make the emptiest of all', () => {
    const stuck = scale('stuck', 100, { mayGive: false })

    assert.deepEqual(plan([scale('small', 1, { capacity: 1 }), stuck, scale('b', 45)]), [])
  })

  const anyServer = fc
    .record({ capacity: fc.integer({ min: 1, max: 60 }), part: fc.double({ min: 0, max: 1, noNaN: true }) })
    .map(({ capacity, part }) => ({ capacity, load: Math.floor(capacity * part) }))
  const anyFleet = fc
    .array(anyServer, { maxLength: 8 })
    .map((servers) => servers.map((server, at) => scale(`s-${at}`, server.load, server)))
  const anyBand = fc.integer({ min: 1, max: 100 })

  test('never widens the spread, never loses a device, never overfills a server', () => {
    fc.assert(
      fc.property(anyFleet, anyBand, fc.integer({ min: 0, max: 50 }), (fleet, band, movesMax) => {
        const then = after(fleet, band, movesMax)
        assert.ok(spreadOf(then) <= spreadOf(fleet) + 1e-9)
        assert.ok(then.every(({ load, capacity }) => load >= 0 && load <= capacity))
        const sum = (servers: readonly Scale[]) => servers.reduce((total, { load }) => total + load, 0)
        assert.equal(sum(then), sum(fleet))
      }),
    )
  })

  test('applied again and again ends within the band, or within one device of the smallest server', () => {
    fc.assert(
      fc.property(anyFleet, anyBand, fc.integer({ min: 1, max: 5 }), (fleet, band, movesMax) => {
        let now = fleet
        for (let looks = 0; planMoves(now, band, 1).length > 0; looks++) {
          assert.ok(looks < 1000, 'it goes round in circles')
          now = after(now, band, movesMax)
        }
        const coarsest = Math.max(0, ...now.map(({ capacity }) => 1 / capacity))
        assert.ok(spreadOf(now) <= Math.max(band / 100, coarsest) + 1e-9)
      }),
    )
  })
})

describe('the budget', () => {
  test('is a part of the fleet, and at least one device', () => {
    assert.equal(budgetOf(100_000, 1), 1000)
    assert.equal(budgetOf(250, 1), 2)
    assert.equal(budgetOf(40, 1), 1)
    assert.equal(budgetOf(40, 100), 40)
    assert.equal(budgetOf(29, 10), 2)
  })
})

describe('a surplus', () => {
  test('counts the devices above a server’s part of the load, where a plan would take from the server', () => {
    const found = surpluses([scale('a', 50), scale('b', 44), scale('c', 36), scale('new', 30)], BAND)

    // Their part is 40; `c` is within the band of the emptiest.
    assert.deepEqual(
      [...found],
      [
        ['a', 10],
        ['b', 4],
      ],
    )
  })

  test('counts by capacity', () => {
    const found = surpluses([scale('a', 50, { capacity: 50 }), scale('b', 10, { capacity: 150 })], BAND)

    assert.deepEqual([...found], [['a', 35]])
  })
})

describe('a device may be moved', () => {
  const mayMoveFromWeb1 = (row: Parameters<typeof aDeviceRow>[1]) =>
    mayMove(aDeviceRow('device-1', { status: 'connected', ...row }), 'web-1', NOW)

  test('when it is wanted running and is not asked to move already', () => {
    assert.equal(mayMoveFromWeb1({}), true)
    assert.equal(mayMoveFromWeb1({ desired: 'stopped' }), false)
    assert.equal(mayMoveFromWeb1({ deleting: true }), false)
    assert.equal(mayMoveFromWeb1({ moveTo: 'any' }), false)
  })

  test('when it is no suspect, or has been well for five seconds', () => {
    assert.equal(mayMoveFromWeb1({ suspicion: 3, connectedAt: NOW - 4999 }), false)
    assert.equal(mayMoveFromWeb1({ suspicion: 3, connectedAt: NOW - 5000 }), true)
    assert.equal(mayMoveFromWeb1({ suspicion: 2, connectedAt: NOW }), true)
  })

  test('when it was not moved within a day', () => {
    assert.equal(mayMoveFromWeb1({ movedAt: NOW - DAY + 1 }), false)
    assert.equal(mayMoveFromWeb1({ movedAt: NOW - DAY }), true)
  })

  test('when no server with its home’s name may take it back', () => {
    const home = { name: 'web-9', since: NOW - 9 * MINUTE }
    assert.equal(mayMoveFromWeb1({ home }), false)
    assert.equal(mayMoveFromWeb1({ home: { ...home, name: 'web-1' } }), true)
    assert.equal(mayMoveFromWeb1({ home: { ...home, since: NOW - 10 * MINUTE } }), true)
  })
})

describe('nothing moves', () => {
  const calm: Surroundings = { nowMs: NOW, braking: false, quiet: [], waiting: 0 }
  const [one, two] = [aServerRow('one', { joinedAt: 0 }), aServerRow('two', { joinedAt: 0 })]

  test('only when there is a reason', () => {
    assert.equal(whyNoMoves([one, two], calm), undefined)
  })

  test('while the brake is on', () => {
    assert.match(whyNoMoves([one, two], { ...calm, braking: true }) ?? '', /brake/)
  })

  test('while a server misses beats', () => {
    assert.match(whyNoMoves([one, two], { ...calm, quiet: [two] }) ?? '', /"two" has missed beats/)
  })

  test('within ten minutes of a burial', () => {
    const dead = aServerRow('dead', { state: 'dead', beatAt: NOW - 10 * MINUTE + 1 })
    assert.match(whyNoMoves([one, dead], calm) ?? '', /"dead" was buried less than 10 minutes ago/)
    assert.equal(whyNoMoves([one, { ...dead, beatAt: NOW - 10 * MINUTE }], calm), undefined)
  })

  test('while a server joins or drains, but not because a server has left', () => {
    assert.match(whyNoMoves([one, aServerRow('new', { state: 'joining' })], calm) ?? '', /"new" is joining/)
    assert.match(whyNoMoves([one, aServerRow('old', { state: 'draining' })], calm) ?? '', /"old" is draining/)
    assert.equal(whyNoMoves([one, aServerRow('old', { state: 'stopped' })], calm), undefined)
  })

  test('while devices wait for a server', () => {
    assert.match(whyNoMoves([one, two], { ...calm, waiting: 1 }) ?? '', /devices wait/)
  })

  test('while a server has just come back under its name and its own devices may return to it', () => {
    const before = aServerRow('one-before', { name: 'one', state: 'stopped' })
    const back = { ...one, joinedAt: NOW - 9 * MINUTE }
    assert.match(
      whyNoMoves([before, back, two], calm) ?? '',
      /"one" came back less than 10 minutes ago: its devices come first/,
    )
    assert.equal(whyNoMoves([before, { ...back, joinedAt: NOW - 10 * MINUTE }, two], calm), undefined)
  })
})
