import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Overlap } from '../../local/whatsapp/judge.ts'
import type { ServerRecord, Spell } from './record.ts'
import { type Evidence, judge, WAKING_MS_MAX } from './verdict.ts'

const ACCOUNT = '15550100:1@s.whatsapp.net'
const LEASE_MS_MIN = 6000

test('two servers that ran while both had a socket are told, whichever was the owner', () => {
  assert.equal(verdictOf(overlap(20_000, 20_010), { owner: 'web-2-b' }), 'both running')
  assert.equal(verdictOf(overlap(20_000, 20_010), {}), 'both running')
})

test('a server that is cut off from the database alone still runs', () => {
  const spells: Spell[] = [{ what: 'database cut', fromMs: 5000, untilMs: 30_000 }]
  assert.equal(verdictOf(overlap(20_000, 20_010), { owner: 'web-2-b', spells }), 'both running')
})

test('an owner whose socket another server took is told, even when that server had been frozen', () => {
  assert.equal(verdictOf(overlap(20_000, 20_010), { owner: 'web-1-a' }), 'owner replaced')
  const woken: ServerRecord = { runs: [{ fromMs: 0 }], spells: [frozen(5000, 19_990)] }
  assert.equal(verdictOf(overlap(20_000, 20_010), { owner: 'web-1-a', newer: woken }), 'owner replaced')
})

test('the freeze of an owner does not excuse the server that replaces it', () => {
  const spells = [frozen(5000, 40_000)]
  assert.equal(verdictOf(overlap(20_000, 22_000), { owner: 'web-1-a', spells }), 'owner replaced')
})

for (const what of ['frozen', 'unreachable'] as const) {
  test(`the socket of a server that was ${what} when the owner logged in is counted apart`, () => {
    const spells: Spell[] = [{ what, fromMs: 5000, untilMs: 40_000 }]
    assert.equal(verdictOf(overlap(20_000, 22_000), { owner: 'web-2-b', spells }), 'stale replaced')
  })
}

test('a freeze that has not ended excuses as well', () => {
  const spells: Spell[] = [{ what: 'frozen', fromMs: 5000 }]
  assert.equal(verdictOf(overlap(20_000, undefined), { owner: 'web-2-b', spells }), 'stale replaced')
})

test('a server that keeps its socket after it has woken is not excused', () => {
  const owner = 'web-2-b'
  const spells = [frozen(5000, 21_000)]
  const soon = overlap(20_000, 21_000 + WAKING_MS_MAX)
  const late = overlap(20_000, 21_001 + WAKING_MS_MAX)
  assert.equal(verdictOf(soon, { owner, spells }), 'stale replaced')
  assert.equal(verdictOf(late, { owner, spells }), 'both running')
  assert.equal(verdictOf(overlap(20_000, undefined), { owner, spells }), 'both running')
})

test('a server that had woken before the owner logged in is not excused', () => {
  const spells = [frozen(5000, 20_000 - WAKING_MS_MAX - 1)]
  assert.equal(verdictOf(overlap(20_000, 20_010), { owner: 'web-2-b', spells }), 'both running')
})

test('a freeze shorter than a lease excuses nothing: nobody may own the device yet', () => {
  const spells = [frozen(20_000 - LEASE_MS_MIN + 1, 40_000)]
  assert.equal(verdictOf(overlap(20_000, 22_000), { owner: 'web-2-b', spells }), 'both running')
})

test('a short freeze excuses when the database had been out of reach before it', () => {
  const spells: Spell[] = [
    { what: 'database cut', fromMs: 8000, untilMs: 17_000 },
    { what: 'slow', fromMs: 16_000, untilMs: 18_500 },
    frozen(18_000, 40_000),
  ]
  assert.equal(verdictOf(overlap(20_000, 22_000), { owner: 'web-2-b', spells }), 'stale replaced')
})

test('the socket of a killed process, whose end WhatsApp had not seen yet, is counted apart', () => {
  const killed = { owner: 'web-2-b', untilMs: 19_999 }
  assert.equal(verdictOf(overlap(20_000, 20_010), killed), 'stale replaced')
})

test('a server whose network is still gone is excused for the sockets of its former process', () => {
  const spells: Spell[] = [{ what: 'unreachable', fromMs: 5000, untilMs: 40_000 }]
  assert.equal(
    verdictOf(overlap(20_000, 22_000), { owner: 'web-2-b', spells, untilMs: 18_000 }),
    'stale replaced',
  )
})

interface Given {
  readonly owner?: string
  readonly spells?: Spell[]
  readonly untilMs?: number
  readonly newer?: ServerRecord
}

function verdictOf(
  seen: Overlap,
  { owner, spells = [], untilMs, newer = { runs: [{ fromMs: 0 }], spells: [] } }: Given,
) {
  const older = { runs: [{ fromMs: 0, ...(untilMs === undefined ? {} : { untilMs }) }], spells }
  const evidence: Evidence = {
    servers: new Map([
      ['web-1', older],
      ['web-2', newer],
    ]),
    ownerAt: () => owner,
    nameOf: (server) => server.slice(0, server.lastIndexOf('-')),
    leaseMsMin: LEASE_MS_MIN,
    untilMs: 60_000,
  }
  return judge([seen], evidence)[0]?.verdict
}

function overlap(fromMs: number, untilMs: number | undefined): Overlap {
  return {
    account: ACCOUNT,
    older: 'web-1-a:1000',
    newer: 'web-2-b:2000',
    from: new Date(fromMs).toISOString(),
    ...(untilMs === undefined ? {} : { until: new Date(untilMs).toISOString() }),
  }
}

function frozen(fromMs: number, untilMs: number): Spell {
  return { what: 'frozen', fromMs, untilMs }
}
