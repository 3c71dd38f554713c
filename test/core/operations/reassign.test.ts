import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { deviceId, serverId } from '../../../core/ids.ts'
import { beginOperation, readOperation } from '../../../core/operations/operations.ts'
import { judgeReassign, REASSIGN_MS_MAX } from '../../../core/operations/reassign.ts'
import { advanceOperations } from '../../../core/operations/steps.ts'
import { requestMove } from '../../../core/requests/device-requests.ts'
import type { DeviceRow } from '../../../core/store/device-row.ts'
import type { Reassign } from '../../../core/store/operation-row.ts'
import * as build from '../../builders/builders.ts'

const FROM = build.aServerRow('from')
const TO = build.aServerRow('to')
const OTHER = build.aServerRow('other')
const SERVERS = [FROM, TO, OTHER]

const MOVE: Reassign = {
  operationId: 'move-1',
  kind: 'reassign',
  state: 'running',
  open: 'open',
  version: 0,
  why: '',
  askedBy: 'key-1',
  startedAt: 0,
  expiresAt: 0,
  deviceId: deviceId('device-1'),
  from: FROM.serverId,
  claimId: 'claim-1',
  to: TO.serverId,
}

const HELD = { owner: FROM.serverId, claimId: 'claim-1', status: 'connected' } as const
const ASKED = { moveTo: TO.serverId, moveId: 'move-1', movedFrom: FROM.serverId } as const

function judged(device: Partial<DeviceRow> | undefined, move: Partial<Reassign> = {}, atMs = 0) {
  const row = device && build.aDeviceRow('device-1', device)
  const { state, why } = judgeReassign({ ...MOVE, ...move }, row, SERVERS, atMs)
  return `${state}: ${why}`
}

describe('a reassign is told in words', () => {
  const cases: [string, string, Partial<DeviceRow> | undefined, Partial<Reassign>?][] = [
    ['its owner still holds it', 'running: its server "from" is asked to release it', { ...HELD, ...ASKED }],
    [
      'it was quarantined in the meantime',
      'refused: the device is quarantined; start it before it is moved',
      { ...ASKED, status: 'quarantined', quarantinedAt: 1 },
    ],
    ['it was released', 'running: it was released and waits for a server with room', { ...ASKED }],
    [
      'its new server has not connected it yet',
      'running: it is on server "to", which connects it',
      { owner: TO.serverId, claimId: 'claim-2', status: 'connecting' },
    ],
    [
      'it is connected on the requested server',
      'done: it is on server "to", connected',
      { owner: TO.serverId, claimId: 'claim-2', status: 'connected' },
    ],
    [
      'it has no phone yet',
      'done: it is on server "to", waiting to be linked',
      { owner: TO.serverId, claimId: 'claim-2', status: 'pairing' },
    ],
    [
      'it was logged out after it had arrived',
      'done: it is on server "to", and logged out there',
      { desired: 'stopped', status: 'logged_out', home: { name: 'to', since: 1 } },
    ],
    [
      'any other server has it',
      'done: it is on server "other", connected',
      { owner: OTHER.serverId, claimId: 'claim-2', status: 'connected' },
      { to: 'any' },
    ],
    [
      'its server got it back, because no other had room',
      'refused: no other server had room: placement gave it back to server "from"',
      { owner: FROM.serverId, claimId: 'claim-2', status: 'assigned' },
      { to: 'any' },
    ],
    [
      'placement put it elsewhere',
      'refused: placement put it on server "other", because server "to" had no room when the device was released',
      { owner: OTHER.serverId, claimId: 'claim-2', status: 'assigned' },
    ],
    [
      'the requested server is gone',
      'refused: placement put it on server "other", because server "nowhere" is gone',
      { owner: OTHER.serverId, claimId: 'claim-2', status: 'assigned' },
      { to: serverId('nowhere') },
    ],
    [
      'it was stopped before it was released',
      'refused: the device is stopped by the operator; start it before it is moved',
      { ...HELD, desired: 'stopped', statusReason: 'stopped by the operator' },
    ],
    ['it is being deleted', 'refused: the device is being deleted', { ...HELD, ...ASKED, deleting: true }],
    ['it was deleted', 'refused: the device was deleted', undefined],
    [
      'a later request asked for another move',
      'refused: a later request took its place: the device is asked to move to server "other"',
      { ...HELD, moveTo: OTHER.serverId, moveId: 'move-2' },
    ],
  ]
  for (const [when, words, device, move] of cases) {
    test(`when ${when}`, () => assert.equal(judged(device, move), words))
  }

  test('when it had no server and now has the requested one', () => {
    const { from: _from, claimId: _claimId, ...unowned } = MOVE
    const row = build.aDeviceRow('device-1', { owner: TO.serverId, status: 'connected' })

    assert.equal(judgeReassign(unowned, row, SERVERS, 0).state, 'done')
  })

  test('when a minute has passed: it has timed out, with its last status', () => {
    assert.equal(
      judged({ ...HELD, ...ASKED }, {}, REASSIGN_MS_MAX),
      'timed_out: not within 60 s: its server "from" is asked to release it',
    )
  })

  test('when it has ended: its end is told, whatever has happened to the device since', () => {
    const ended = { state: 'done', why: 'it is on server "to", connected' } as const
    assert.equal(judged({ ...HELD, desired: 'stopped' }, ended), 'done: it is on server "to", connected')
  })
})

describe('the sweep', () => {
  let tables: build.Tables
  before(async () => {
    tables = await build.embeddedTables()
  })
  after(() => tables.close())

  async function aMove() {
    const world = await build.aWorld(tables)
    const [from, to] = await build.activeServers(world, 2)
    if (!from || !to) throw new Error('two servers')
    const { deviceId: device } = await build.anOwnedDevice(world, from)
    const asked = await requestMove(world.store, world.clock, {
      device,
      from: from.serverId,
      to: to.serverId,
      moveId: 'move-1',
      why: 'a test',
    })
    if (!asked?.claimId) throw new Error('asked')
    await beginOperation<Reassign>(world.store, world.clock, {
      operationId: 'move-1',
      kind: 'reassign',
      deviceId: device,
      from: from.serverId,
      claimId: asked.claimId,
      to: to.serverId,
      why: 'begun',
      askedBy: 'key-1',
    })
    return { world, device, to }
  }

  test('withdraws a move that timed out, so that it does not happen later', async () => {
    const { world, device } = await aMove()
    world.clock.advance(REASSIGN_MS_MAX)

    await advanceOperations(world)

    assert.equal((await readOperation(world.store, 'move-1'))?.state, 'timed_out')
    assert.equal((await build.deviceRow(world.store, device)).moveTo, undefined)
  })

  test('writes nothing while nothing changes, and only one of two sweeps writes a change', async () => {
    const { world } = await aMove()

    await Promise.all([advanceOperations(world), advanceOperations(build.worldOn(world.store, 2))])
    await advanceOperations(world)

    assert.equal((await readOperation(world.store, 'move-1'))?.version, 1)
  })

  test('writes the end down once, and logs it', async () => {
    const { world, device, to } = await aMove()
    const arrived = { owner: to.serverId, claimId: 'claim-2', status: 'connected' } as const
    await world.store.update('Devices', { deviceId: device }, { set: arrived, remove: ['moveTo'], when: [] })

    await advanceOperations(world)
    await advanceOperations(world)

    const { state, endedAt, open } = (await readOperation(world.store, 'move-1')) ?? {}
    assert.equal(state, 'done')
    assert.equal(endedAt, world.clock.wallMs())
    assert.equal(open, undefined)
    assert.equal(world.told('operation.ended').length, 1)
  })
})
