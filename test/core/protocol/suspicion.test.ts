import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { deviceId, serverId } from '../../../core/ids.ts'
import {
  type Gone,
  guiltyOne,
  suspectPauseMs,
  suspicionAfterDeath,
  suspicionAfterSocket,
} from '../../../core/protocol/suspicion.ts'
import type { DeviceRow } from '../../../core/store/device-row.ts'
import { aDeviceRow } from '../../builders/builders.ts'

const LAST_BEAT_MS = Date.UTC(2030, 0, 1)
const server = { serverId: serverId('web-1'), name: 'web-1', beatAt: LAST_BEAT_MS }
const killed: Gone = server
const crashed: Gone = { ...server, crashed: true }
const naming = (...ids: string[]): Gone => ({ ...crashed, suspects: ids.map(deviceId) })

const pointsAfter = (row: Partial<DeviceRow>, gone: Gone) =>
  suspicionAfterDeath(aDeviceRow('shop-1', row), gone)
const connecting = { status: 'connecting', suspicion: 2 } as const
const connectedFor = (ms: number, suspicion = 2) =>
  ({ status: 'connected', suspicion, connectedAt: LAST_BEAT_MS - ms }) as const

describe('a crash counts', () => {
  test('for a device that was connecting', () => {
    assert.equal(pointsAfter(connecting, crashed), 2)
  })

  test('for a device that has just logged in, in addition to its earlier points', () => {
    assert.equal(pointsAfter(connectedFor(3000, 4), crashed), 4)
  })

  test('once for a device that had been well, since it may have received something', () => {
    assert.equal(pointsAfter(connectedFor(60_000, 4), crashed), 2)
  })

  test('for the devices that the server named, and among the others only for those in probation', () => {
    assert.equal(pointsAfter(connectedFor(60_000, 4), naming('shop-1')), 4)
    assert.equal(pointsAfter(connectedFor(60_000), naming('shop-2')), 0)
    assert.equal(pointsAfter(connectedFor(60_000, 4), naming('shop-2')), 2)
    assert.equal(pointsAfter(connecting, naming('shop-2')), 2)
  })

  test('alone for a device that was named after it had been well for long', () => {
    assert.equal(pointsAfter(connectedFor(2 * 3_600_000, 4), naming('shop-1')), 2)
  })

  test('not for a device without a socket', () => {
    assert.equal(pointsAfter({ status: 'assigned', suspicion: 4 }, crashed), 4)
    assert.equal(pointsAfter({ status: 'disconnected' }, crashed), 0)
  })
})

describe('a death from outside counts', () => {
  test('by half for a device that was connecting', () => {
    assert.equal(pointsAfter(connecting, killed), 1)
    assert.equal(pointsAfter({ status: 'connecting', suspicion: 5 }, killed), 4)
  })

  test('not for a device that had been well', () => {
    assert.equal(pointsAfter(connectedFor(60_000, 5), killed), 0)
  })

  test('not for a device that has waited to be linked for a while', () => {
    const pairing = { since: LAST_BEAT_MS - 15_000, expiresAt: LAST_BEAT_MS }
    assert.equal(pointsAfter({ status: 'pairing', suspicion: 2, pairing }, killed), 0)
  })

  test('by half when nothing is known of the server any more', () => {
    assert.equal(pointsAfter(connecting, { serverId: serverId('web-1'), name: 'unknown' }), 1)
  })
})

test('three crashes in a row make six points, and so do six other deaths', () => {
  const next = (gone: Gone) => (points: number) =>
    pointsAfter({ status: 'connecting', suspicion: points + 2 }, gone)
  const times = (count: number, gone: Gone) =>
    Array.from({ length: count }).reduce((points: number) => next(gone)(points), 0)
  assert.equal(times(3, crashed), 6)
  assert.equal(times(6, killed), 6)
})

test('a socket that ends while its server lives takes back the points of its permit, or all if it was well', () => {
  assert.equal(suspicionAfterSocket(2, 0), 0)
  assert.equal(suspicionAfterSocket(6, 4000), 4)
  assert.equal(suspicionAfterSocket(6, 10_000), 0)
})

test('suspects wait longer and longer, other devices not at all', () => {
  assert.deepEqual([0, 2, 3, 4, 5, 30].map(suspectPauseMs), [0, 0, 5000, 10_000, 20_000, 300_000])
})

describe('after the crash of a server', () => {
  const row = (id: string, differing: Partial<DeviceRow>) =>
    aDeviceRow(id, { desired: 'running', ...differing })
  const inProbation = { status: 'connecting', suspicion: 6 } as const

  test('the only device with enough points is guilty', () => {
    const devices = [
      row('a', connectedFor(60_000, 6)),
      row('b', connectedFor(60_000, 4)),
      row('c', connecting),
    ]
    assert.equal(guiltyOne(devices, naming('a', 'b', 'c')), 'a')
  })

  test('a device in probation is guilty, rather than devices that had been well', () => {
    const devices = [
      row('a', connectedFor(60_000, 6)),
      row('b', inProbation),
      row('c', connectedFor(60_000, 8)),
    ]
    assert.equal(guiltyOne(devices, naming('a', 'b', 'c')), 'b')
  })

  test('no device is guilty while several have enough points: the next death must tell them apart', () => {
    const both = [row('a', connectedFor(60_000, 6)), row('b', connectedFor(9000, 6))]
    assert.equal(guiltyOne(both, naming('a', 'b')), undefined)
    assert.equal(guiltyOne([row('a', inProbation), row('b', inProbation)], crashed), undefined)
  })

  test('none is guilty when none has enough points, or the one that has is wanted stopped', () => {
    assert.equal(guiltyOne([row('a', connecting)], crashed), undefined)
    assert.equal(guiltyOne([row('a', { ...inProbation, desired: 'stopped' })], crashed), undefined)
  })
})
