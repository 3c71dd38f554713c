import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  type LossEvidence,
  lostDevices,
  lostServers,
  SERVER_AFTERMATH_MS,
  STRIKE_AFTERMATH_MS,
} from './losses.ts'
import type { ProcessEnd, Run, Spell } from './record.ts'
import type { SocketEnd } from './socket-watch.ts'

const ACCOUNT = '15550100101:1@s.whatsapp.net'
const OTHER = '15550100102:1@s.whatsapp.net'
const SERVER = 'web-1-a'
/** When the socket opened and ended. */
const [FROM, ENDED] = [100_000, 200_000]

test('a socket that ends without a cause is lost to another device, with the words of its server', () => {
  const saidEnds = [
    { atMs: ENDED + 100, deviceId: 'one', server: SERVER, why: 'an error ended it (950 fault)' },
  ]
  assert.deepEqual(lostDevices(evidence({ saidEnds })), [
    { deviceId: 'one', atMs: ENDED, why: 'web-1-a:1000: an error ended it (950 fault)' },
  ])
})

test('a strike at another device excuses nothing', () => {
  const deviceStrikes = [{ account: OTHER, what: 'damage', fromMs: ENDED - 10, untilMs: ENDED }]
  assert.equal(lossesOf({ deviceStrikes }), 1)
})

test('a strike at the device itself excuses the socket that was open under it', () => {
  const struck = { account: ACCOUNT, what: 'damage', fromMs: ENDED - 1000, untilMs: ENDED - 500 }
  assert.equal(lossesOf({ deviceStrikes: [struck] }), 0)
  assert.equal(lossesOf({ deviceStrikes: [{ ...struck, untilMs: ENDED + 5000 }] }), 0)
})

test('a strike that was over before the socket opened excuses nothing, nor does a later one', () => {
  const early = { account: ACCOUNT, what: 'damage', fromMs: FROM - 1000, untilMs: FROM - 1 }
  const late = { account: ACCOUNT, what: 'damage', fromMs: ENDED + 1, untilMs: ENDED + 1000 }
  assert.equal(lossesOf({ deviceStrikes: [early, late] }), 1)
})

test('a strike of long ago excuses nothing, although the socket was open under it', () => {
  const struck = { account: ACCOUNT, what: 'damage', fromMs: FROM, untilMs: ENDED - STRIKE_AFTERMATH_MS - 1 }
  assert.equal(lossesOf({ deviceStrikes: [struck] }), 1)
})

test('a trouble of its server excuses a socket during it and shortly after, but no error of the socket', () => {
  const troubled = (fromMs: number, untilMs?: number) => {
    const spell: Spell = { what: 'database cut', fromMs, ...(untilMs === undefined ? {} : { untilMs }) }
    return serversOf({ fromMs: 0 }, [spell])
  }
  const fault = [{ atMs: ENDED, deviceId: 'one', server: SERVER, why: 'an error ended it (950 fault)' }]
  assert.equal(lossesOf({ servers: troubled(ENDED - 9000) }), 0)
  assert.equal(lossesOf({ servers: troubled(FROM, ENDED - SERVER_AFTERMATH_MS) }), 0)
  assert.equal(lossesOf({ servers: troubled(FROM, ENDED - SERVER_AFTERMATH_MS - 1) }), 1)
  assert.equal(lossesOf({ servers: troubled(ENDED - 9000), saidEnds: fault }), 1)
})

test('a process that the chaos ended excuses its sockets, and one that ended by itself does not', () => {
  const run: Run = { fromMs: 0, untilMs: ENDED, end: { code: 1, signal: null } }
  assert.equal(lossesOf({ servers: serversOf({ ...run, askedAtMs: ENDED - 5000 }) }), 0)
  assert.equal(lossesOf({ servers: serversOf(run) }), 1)
})

test('a socket that was replaced, or whose device is released right after it, is not lost', () => {
  assert.equal(lossesOf({ sockets: [{ ...socket(), wasReplaced: true }] }), 0)
  assert.equal(lossesOf({ ownersBetween: () => [SERVER, undefined] }), 0)
  assert.equal(lossesOf({ ownersBetween: () => [SERVER, undefined, SERVER] }), 0, 'and given back to it')
  assert.equal(lossesOf({ ownersBetween: () => ['web-2-b'] }), 0)
})

test('the words of another server on the device a little later are none on this socket', () => {
  const fault = { atMs: ENDED + 5000, deviceId: 'one', why: 'an error ended it (950 fault)' }
  const moved = { ownersBetween: () => [SERVER, undefined, 'web-2-b'] }
  assert.equal(lossesOf({ ...moved, saidEnds: [{ ...fault, server: 'web-2-b' }] }), 0)
  assert.equal(lossesOf({ ...moved, saidEnds: [{ ...fault, server: SERVER }] }), 1)
})

test('the words of the same server on the socket before are none on a short socket after it', () => {
  const short = { ...socket(), fromMs: ENDED - 2000 }
  const saidEnds = [
    { atMs: ENDED - 6000, deviceId: 'one', server: SERVER, why: 'an error ended it (950 fault)' },
  ]
  assert.equal(lossesOf({ sockets: [short], ownersBetween: () => [SERVER, undefined], saidEnds }), 0)
})

for (const [what, end, run, isLost] of [
  ['an error', { code: 1, signal: null }, {}, true],
  ['an abort', { code: null, signal: 'SIGABRT' }, {}, true],
  ['a signal that the chaos did not send', { code: null, signal: 'SIGKILL' }, {}, true],
  ['a signal that the chaos did send', { code: null, signal: 'SIGKILL' }, { askedAtMs: 1 }, false],
  ['having left', { code: 0, signal: null }, {}, false],
  ['a name that another held', { code: 4, signal: null }, {}, false],
  ['a burial without any trouble', { code: 3, signal: null }, {}, true],
] as const satisfies readonly (readonly [string, ProcessEnd, Partial<Run>, boolean])[]) {
  test(`a server that ended by ${what} is ${isLost ? 'lost to a device' : 'not lost'}`, () => {
    const servers = serversOf({ fromMs: 0, untilMs: ENDED, end, ...run })
    assert.deepEqual(
      lostServers(servers, () => true),
      isLost ? [{ name: 'web-1', atMs: ENDED, end }] : [],
    )
  })
}

test('a server that was buried in its trouble is not lost', () => {
  const run = { fromMs: 0, untilMs: ENDED, end: { code: 3, signal: null } }
  const servers = serversOf(run, [{ what: 'frozen', fromMs: ENDED - 20_000, untilMs: ENDED - 100 }])
  assert.deepEqual(
    lostServers(servers, () => true),
    [],
  )
})

describe('a server whose task the service stopped, and which was killed because it did not leave in time,', () => {
  const killed: Run = { fromMs: 0, untilMs: ENDED, end: { code: null, signal: 'SIGKILL', stopped: true } }
  const lostAfter = (frozen: { fromMs: number; untilMs?: number }) =>
    lostServers(serversOf(killed, [{ what: 'frozen', ...frozen }]), () => true).length

  test('is not lost when it slept through the time that it had to leave', () => {
    assert.equal(lostAfter({ fromMs: ENDED - 30_000 }), 0)
    assert.equal(lostAfter({ fromMs: ENDED - 30_000, untilMs: ENDED - 100 }), 0)
  })

  test('is lost when nobody had stopped its task: then something else has killed it', () => {
    const run: Run = { ...killed, end: { code: null, signal: 'SIGKILL', stopped: false } }
    const spells = [{ what: 'frozen', fromMs: ENDED - 30_000, untilMs: ENDED - 100 }] as const

    assert.equal(lostServers(serversOf(run, [...spells]), () => true).length, 1)
  })

  test('is lost when it was awake long enough to leave, or had not slept that long', () => {
    assert.equal(lostAfter({ fromMs: ENDED - 30_000, untilMs: ENDED - 5000 }), 1)
    assert.equal(lostAfter({ fromMs: ENDED - 10_000 }), 1)
  })
})

test('a server that never had a device was not ended by one', () => {
  const end = { code: 1, signal: null }
  const asked: unknown[] = []
  const hadDevice = (...run: unknown[]) => {
    asked.push(run)
    return false
  }
  assert.deepEqual(lostServers(serversOf({ fromMs: 5, untilMs: ENDED, end }), hadDevice), [])
  assert.deepEqual(asked, [['web-1', 5, ENDED]])
})

test('a trouble of every server excuses the sockets of each', () => {
  const slow: Spell = { what: 'slow', fromMs: ENDED - 100, untilMs: ENDED }
  const servers = new Map([...serversOf({ fromMs: 0 }), ['*', { runs: [], spells: [slow] }]])
  assert.equal(lossesOf({ servers }), 0)
})

function lossesOf(given: Partial<LossEvidence>): number {
  return lostDevices(evidence(given)).length
}

function evidence(given: Partial<LossEvidence>): LossEvidence {
  return {
    servers: serversOf({ fromMs: 0 }),
    deviceStrikes: [],
    sockets: [socket()],
    saidEnds: [],
    deviceOf: (account) => (account === ACCOUNT ? 'one' : 'other'),
    ownersBetween: () => [SERVER],
    nameOf: (server) => server.slice(0, server.lastIndexOf('-')),
    ...given,
  }
}

function serversOf(run: Run, spells: Spell[] = []): LossEvidence['servers'] {
  return new Map([['web-1', { runs: [run], spells }]])
}

function socket(): SocketEnd {
  return { account: ACCOUNT, label: `${SERVER}:1000`, fromMs: FROM, untilMs: ENDED, wasReplaced: false }
}
