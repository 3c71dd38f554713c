import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeJudge } from '../../local/whatsapp/judge.ts'
import { type DatabaseWatch, watchDatabase } from './database-watch.ts'
import { outcomeOf, type Seen, tellViolations } from './outcome.ts'
import { createRecord } from './record.ts'
import type { SocketWatch } from './socket-watch.ts'
import { drawTable } from './table.ts'

const ACCOUNT = '15550100:1@s.whatsapp.net'

test('a calm run has no violation, and no figure of its table is marked', () => {
  const outcome = outcomeOf(aRun(), seen())
  assert.deepEqual(outcome.violations, [])
  assert.doesNotMatch(drawTable([outcome]).join('\n'), /!/)
})

test('two running servers with a socket for one device are told with the seed and the faults around them', () => {
  const [violation = ''] = tellViolations(outcomeOf(aRun(), seen({ report: overlapping() })))
  assert.match(violation, /^mooring, seed 7: both running: web-1-a and web-2-b ran/)
  assert.match(violation, /-2\.0 s {2}web-1 is killed/)
})

for (const [what, mark, wrong] of [
  ['two running servers', /two running servers .* ! 1$/m, { report: overlapping() }],
  [
    'a device without a socket',
    /not connected at the end .* ! 1$/m,
    { missing: [{ deviceId: 'one', why: 'x' }] },
  ],
  ['a lost text', /texts lost .* ! 1$/m, { report: losing() }],
  ['a key in a log', /found in the logs .* ! 1$/m, { keysInLogs: ['noise key'] }],
  ['a device in quarantine', /quarantined at the end .* ! 1$/m, { quarantined: ['one'] }],
  ['other credentials', /credentials differ .* ! 1$/m, { auth: [{ deviceId: 'one', differences: ['x'] }] }],
] as const) {
  test(`the table marks ${what}, and it is a violation`, () => {
    const outcome = outcomeOf(aRun(), seen(wrong))
    assert.match(drawTable([outcome]).join('\n'), mark)
    assert.equal(outcome.violations.length, 1)
  })
}

test('a stale write that was accepted is a violation, and a refused one is not', () => {
  const write = { atMs: 5000, deviceId: 'one', epoch: 2, newest: 3 }
  const refused = outcomeOf(aRun({ staleRefused: [write] }), seen())
  const accepted = outcomeOf(aRun({ staleAccepted: [write] }), seen())
  assert.deepEqual(refused.violations, [])
  assert.match(accepted.violations[0] ?? '', /a write of one under epoch 2 was accepted after epoch 3/)
  assert.match(drawTable([accepted]).join('\n'), /stale auth writes accepted .* ! 1$/m)
})

test('a server that ended by itself is a violation, and so is a socket that nothing has struck', () => {
  const given = aRun({
    hasAssigned: (isMeant) => isMeant('web-1-a'),
    ownersBetween: () => ['web-2-b'],
  })
  given.record.ended('web-1', { code: 1, signal: null })
  const label = 'web-2-b:1'
  const end = { account: ACCOUNT, label, fromMs: 1000, untilMs: 20_000, wasReplaced: false }
  const outcome = outcomeOf({ ...given, fleet: { ...given.fleet, sockets: socketsOf([end]) } }, seen())
  assert.match(outcome.violations[0] ?? '', /the process of web-1 ended by itself: code 1, signal null/)
  assert.match(
    outcome.violations[1] ?? '',
    /lost its socket, and nothing had struck it. web-2-b:1: its server/,
  )
  assert.match(drawTable([outcome]).join('\n'), /devices lost to another device's fault .* ! 1$/m)
  assert.match(drawTable([outcome]).join('\n'), /servers lost to a device .* ! 1$/m)
})

test('an end before the faults or after the last check is not counted', () => {
  const given = aRun()
  const early = { account: ACCOUNT, label: 'web-2-b:1', fromMs: 0, untilMs: 900, wasReplaced: false }
  const sockets = socketsOf([early, { ...early, untilMs: 60_001 }])
  const outcome = outcomeOf({ ...given, fleet: { ...given.fleet, sockets } }, seen({ fromMs: 1000 }))
  assert.deepEqual(outcome.devicesLost, [])
  assert.deepEqual(outcome.violations, [])
})

test('without Mooring writes carry no epoch, and the table shows no figure for stale ones', () => {
  const { fleet, ...rest } = aRun()
  const outcome = outcomeOf({ ...rest, fleet: { ...fleet, name: 'naive' } }, seen())
  assert.match(drawTable([outcome]).join('\n'), /stale auth writes accepted +-$/m)
})

test('where nobody recorded why sockets ended, the table shows no figure for lost ones', () => {
  const table = drawTable([outcomeOf(aRun(), seen({ quarantined: undefined }))]).join('\n')
  assert.match(table, /devices lost to another device's fault +-$/m)
  assert.match(table, /devices quarantined at the end +-$/m)
})

function socketsOf(ends: SocketWatch['ends']): SocketWatch {
  return { ends, hear: () => undefined }
}

function aRun(watched: Partial<DatabaseWatch> = {}): Parameters<typeof outcomeOf>[0] {
  let nowMs = 0
  const record = createRecord(() => nowMs)
  for (const name of ['web-1', 'web-2']) record.started(name)
  nowMs = 8000
  record.tell('web-1 is killed')
  return {
    options: { seed: 7 },
    record,
    struck: new Map([['killed', 1]]),
    fleet: {
      name: 'mooring',
      watch: { ...watchDatabase({ devices: 'none' }, () => 0), ...watched },
      ownerAt: () => 'web-2-b',
      nameOf: (server) => server.slice(0, server.lastIndexOf('-')),
      leaseMsMin: 6000,
    },
  }
}

function overlapping(): Seen['report'] {
  const judge = makeJudge(0)
  judge.loggedIn(ACCOUNT, { id: 1, label: 'web-1-a:1000' }, 9000)
  judge.loggedIn(ACCOUNT, { id: 2, label: 'web-2-b:2000' }, 10_000)
  judge.closed(ACCOUNT, 1, 10_010)
  return judge.report(1)
}

test('a text that waits is not lost, whether its device is there or removed', () => {
  const waiting = { report: losing(), textsWaiting: { forDevices: 0, forRemoved: 1 } }
  const outcome = outcomeOf(aRun(), seen(waiting))
  assert.deepEqual(outcome.violations, [])
  assert.match(drawTable([outcome]).join('\n'), /waiting for a device that was removed +1$/m)
})

/** Three texts: the first was received, the second was dropped with its device, and the third is gone. */
function losing(): Seen['report'] {
  const judge = makeJudge(0)
  judge.count('texted', 3)
  judge.count('received')
  judge.count('dropped')
  return judge.report(1)
}

function seen(wrong: Partial<Seen> = {}): Seen {
  const report = makeJudge(0).report(1)
  return {
    report,
    moves: 0,
    fromMs: 0,
    untilMs: 60_000,
    missing: [],
    connectedAfterMs: 1000,
    words: { asked: 1, unanswered: [] },
    textsWaiting: { forDevices: 0, forRemoved: 0 },
    auth: [{ deviceId: 'one', differences: [] }],
    keysInLogs: [],
    quarantined: [],
    lateMsP99: 20,
    ...wrong,
  }
}
