import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeJudge, summarise } from '../../../local/whatsapp/judge.ts'

const ACCOUNT = '15550100:1@s.whatsapp.net'
const older = { id: 1, label: 'web-1:1000' }
const newer = { id: 2, label: 'web-2:2000' }

test('a socket after another is a gap, and no overlap', () => {
  const judge = makeJudge(0)
  judge.loggedIn(ACCOUNT, older, 1000)
  judge.closed(ACCOUNT, older.id, 5000)
  judge.loggedIn(ACCOUNT, newer, 7500)

  const { overlaps, logins, openSockets, gapsSeconds } = judge.report(1)

  assert.deepEqual(overlaps, [])
  assert.equal(logins, 2)
  assert.equal(openSockets, 1)
  assert.deepEqual(gapsSeconds, { count: 1, p50: 2.5, p99: 2.5, max: 2.5 })
})

test('two sockets at once are an overlap, from the second login until one of the two closes', () => {
  const judge = makeJudge(0)
  judge.loggedIn(ACCOUNT, older, 1000)
  judge.loggedIn(ACCOUNT, newer, 2000)
  judge.closed(ACCOUNT, older.id, 2040)
  judge.closed(ACCOUNT, newer.id, 9000)

  const [overlap] = judge.report(1).overlaps

  assert.deepEqual(overlap, {
    account: ACCOUNT,
    older: 'web-1:1000',
    newer: 'web-2:2000',
    from: '1970-01-01T00:00:02.000Z',
    until: '1970-01-01T00:00:02.040Z',
    durationMs: 40,
  })
})

test('an overlap that still lasts has no end', () => {
  const judge = makeJudge(0)
  judge.loggedIn(ACCOUNT, older, 1000)
  judge.loggedIn(ACCOUNT, newer, 2000)

  const [overlap] = judge.report(1).overlaps

  assert.equal(overlap?.from, '1970-01-01T00:00:02.000Z')
  assert.equal(overlap?.until, undefined)
})

test('three sockets at once are three overlaps', () => {
  const judge = makeJudge(0)
  judge.loggedIn(ACCOUNT, older, 1000)
  judge.loggedIn(ACCOUNT, newer, 2000)
  judge.loggedIn(ACCOUNT, { id: 3, label: 'web-3:3000' }, 3000)

  assert.equal(judge.report(1).overlaps.length, 3)
})

test('sockets of different accounts do not overlap', () => {
  const judge = makeJudge(0)
  judge.loggedIn(ACCOUNT, older, 1000)
  judge.loggedIn('15550101:1@s.whatsapp.net', newer, 1000)

  assert.deepEqual(judge.report(2).overlaps, [])
})

test('while another socket of the account is open there is no gap', () => {
  const judge = makeJudge(0)
  judge.loggedIn(ACCOUNT, older, 1000)
  judge.loggedIn(ACCOUNT, newer, 2000)
  judge.closed(ACCOUNT, older.id, 3000)
  judge.loggedIn(ACCOUNT, { id: 3, label: 'web-3:3000' }, 4000)

  assert.equal(judge.report(1).gapsSeconds.count, 0)
})

test('conflicts are counted by their cause', () => {
  const judge = makeJudge(0)
  judge.conflicted(ACCOUNT, 'overlap', older, 1000, newer)
  judge.conflicted(ACCOUNT, 'foreign', newer, 2000)

  const { conflicts, conflictList } = judge.report(1)

  assert.deepEqual(conflicts, { overlap: 1, foreign: 1 })
  assert.deepEqual(conflictList, [
    {
      account: ACCOUNT,
      kind: 'overlap',
      struck: 'web-1:1000',
      by: 'web-2:2000',
      at: '1970-01-01T00:00:01.000Z',
    },
    { account: ACCOUNT, kind: 'foreign', struck: 'web-2:2000', at: '1970-01-01T00:00:02.000Z' },
  ])
})

test('a reset forgets the counts, but not the open sockets', () => {
  const judge = makeJudge(0)
  judge.loggedIn(ACCOUNT, older, 1000)
  judge.reset(2000)
  judge.loggedIn(ACCOUNT, newer, 3000)

  const { since, logins, openSockets, overlaps } = judge.report(1)

  assert.equal(since, '1970-01-01T00:00:02.000Z')
  assert.equal(logins, 1)
  assert.equal(openSockets, 2)
  assert.equal(overlaps.length, 1)
})

test('percentiles of gaps are those of the nearest rank', () => {
  const gapsMs = Array.from({ length: 200 }, (_, index) => (index + 1) * 1000)

  assert.deepEqual(summarise(gapsMs), { count: 200, p50: 100, p99: 198, max: 200 })
  assert.deepEqual(summarise([]), { count: 0, p50: 0, p99: 0, max: 0 })
})
