import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { fairShares, shareChanges } from '../../../core/balance/fair-shares.ts'
import { serverId } from '../../../core/ids.ts'

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)
const near = (one: number, other: number) => Math.abs(one - other) <= 1e-6 * Math.max(1, other)

describe('fair shares', () => {
  test('a fleet at rest has even shares', () => {
    assert.deepEqual(fairShares(12, [0, 0, 0, 0]), [3, 3, 3, 3])
  })

  test('a fleet has even shares, too, when every server wants more than there is', () => {
    assert.ok(fairShares(12, [100, 50, 70, 900]).every((share) => near(share, 3)))
  })

  test('a server that wants less than an even share leaves the rest to the others', () => {
    const [busy = 0, idle = 0] = fairShares(10, [100, 0])
    assert.ok(near(busy, 9))
    assert.ok(near(idle, 1))
  })

  test('no servers have no shares', () => {
    assert.deepEqual(fairShares(10, []), [])
  })

  const limit = fc.double({ min: 0.5, max: 5000, noNaN: true })
  const wants = fc.array(fc.nat({ max: 2000 }), { minLength: 1, maxLength: 60 })

  test('the sum of the shares is the rate of the fleet', () => {
    fc.assert(fc.property(limit, wants, (perSecond, of) => near(sum(fairShares(perSecond, of)), perSecond)))
  })

  test('every server may begin at once: none has less than a fifth of an even share', () => {
    fc.assert(
      fc.property(limit, wants, (perSecond, of) =>
        fairShares(perSecond, of).every((share) => share >= (0.2 * perSecond) / of.length - 1e-9),
      ),
    )
  })

  test('max-min: a server that gets less than it wants has as much as any other', () => {
    fc.assert(
      fc.property(limit, wants, (perSecond, of) => {
        const shares = fairShares(perSecond, of)
        const highest = Math.max(...shares)
        return shares.every((share, at) => share >= (of[at] ?? 0) - 1e-6 || near(share, highest))
      }),
    )
  })
})

interface Row {
  readonly serverId: ReturnType<typeof serverId>
  readonly waiting: number
  readonly connectShare?: number
}

const rows = (...of: Omit<Row, 'serverId'>[]): Row[] =>
  of.map((row, at) => ({ serverId: serverId(`web-${at}`), ...row }))

const changesOf = (perSecond: number, live: readonly Row[]) =>
  shareChanges(perSecond, live).map(({ server, share }) => [server.serverId, Math.round(share * 100) / 100])

function after(perSecond: number, live: readonly Row[]): Row[] {
  const given = new Map(shareChanges(perSecond, live).map(({ server, share }) => [server.serverId, share]))
  return live.map((row) => {
    const connectShare = given.get(row.serverId) ?? row.connectShare
    return connectShare === undefined ? row : { ...row, connectShare }
  })
}

const held = (live: readonly Row[]) => sum(live.map(({ connectShare = 0 }) => connectShare))

describe('the shares to write', () => {
  test('are one for every server when no server has one', () => {
    assert.deepEqual(changesOf(10, rows({ waiting: 0 }, { waiting: 0 })), [
      ['web-0', 5],
      ['web-1', 5],
    ])
  })

  test('are none when nothing has changed', () => {
    assert.deepEqual(
      changesOf(10, rows({ waiting: 0, connectShare: 5 }, { waiting: 0, connectShare: 5 })),
      [],
    )
  })

  test('are none for a change of 10 % or less', () => {
    assert.deepEqual(
      changesOf(10, rows({ waiting: 0, connectShare: 4.6 }, { waiting: 0, connectShare: 5.4 })),
      [],
    )
  })

  test('give the share of a server that is gone to the others at once', () => {
    assert.deepEqual(changesOf(12, rows({ waiting: 9, connectShare: 4 }, { waiting: 9, connectShare: 4 })), [
      ['web-0', 6],
      ['web-1', 6],
    ])
  })

  test('give a freed part to another server a look later, when the row says that it is free', () => {
    const first = rows({ waiting: 0, connectShare: 5 }, { waiting: 100, connectShare: 5 })
    assert.deepEqual(changesOf(10, first), [['web-0', 1]])
    assert.deepEqual(changesOf(10, after(10, first)), [['web-1', 9]])
  })

  test('give a newcomer its share although no server has to give up more than 10 % for it', () => {
    const twenty = rows(...Array.from({ length: 20 }, () => ({ waiting: 0, connectShare: 1 })))
    const joined = [...twenty, ...rows({ waiting: 0 }).map((row) => ({ ...row, serverId: serverId('new') }))]
    const second = after(20, joined)
    assert.equal(second.at(-1)?.connectShare, undefined)
    const newcomer = after(20, second).at(-1)?.connectShare ?? 0
    assert.ok(near(newcomer, 20 / 21), `${newcomer}`)
  })

  const anyRow = fc.record({
    waiting: fc.nat({ max: 300 }),
    connectShare: fc.option(fc.double({ min: 0.01, max: 200, noNaN: true }), { nil: undefined }),
  })
  const fleets = fc
    .array(anyRow, { minLength: 1, maxLength: 30 })
    .map((of) =>
      rows(
        ...of.map(({ waiting, connectShare }) => ({ waiting, ...(connectShare ? { connectShare } : {}) })),
      ),
    )
  const limit = fc.double({ min: 1, max: 500, noNaN: true })

  test('never raise the sum of the shares above the rate of the fleet', () => {
    fc.assert(
      fc.property(limit, fleets, fc.infiniteStream(fc.nat({ max: 300 })), (perSecond, first, waits) => {
        let live: Row[] = after(perSecond, first)
        for (let look = 0; look < 6; look++) {
          assert.ok(held(live) <= Math.max(perSecond, held(first)) * (1 + 1e-6))
          if (look > 0) assert.ok(held(live) <= perSecond * (1 + 1e-6), `${held(live)} of ${perSecond}`)
          live = after(
            perSecond,
            live.map((row) => ({ ...row, waiting: waits.next().value ?? 0 })),
          )
        }
      }),
    )
  })

  test('settle within some looks, each share within 10 % and a little of the fair one', () => {
    fc.assert(
      fc.property(limit, fleets, (perSecond, first) => {
        let live: Row[] = first
        for (let look = 0; look < 8; look++) live = after(perSecond, live)
        assert.deepEqual(changesOf(perSecond, live), [])
        const fair = fairShares(
          perSecond,
          live.map(({ waiting }) => waiting),
        )
        for (const [at, { connectShare = 0 }] of live.entries()) {
          const share = fair[at] ?? 0
          assert.ok(
            connectShare >= share * 0.88 && connectShare <= share * 1.12,
            `${connectShare} for ${share}`,
          )
        }
      }),
    )
  })
})
