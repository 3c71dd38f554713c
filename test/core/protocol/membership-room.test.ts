import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { serverId } from '../../../core/ids.ts'
import {
  beat,
  bury,
  correctLoad,
  drain,
  leave,
  raiseAssignmentSeq,
  reserve,
  unreserve,
} from '../../../core/protocol/membership.ts'
import { anActiveServer, anOwnedDevice, ownedDevices, serverRow } from '../../builders/builders.ts'
import { fresh } from '../../builders/fresh.ts'

const t = fresh()

describe('reserve', () => {
  test('takes room and raises assignmentSeq', async () => {
    const web1 = await anActiveServer(t, 'web-1', { capacity: 10 })

    assert.equal(await reserve(t.store, web1, 4), true)

    const row = await serverRow(t.store, 'web-1')
    assert.equal(row.load, 4)
    assert.equal(row.assignmentSeq, 1)
  })

  test('fills a server to its capacity and not one device further', async () => {
    const web1 = await anActiveServer(t, 'web-1', { capacity: 5 })

    assert.equal(await reserve(t.store, web1, 4), true)
    assert.equal(await reserve(t.store, web1, 2), false)
    assert.equal(await reserve(t.store, web1, 1), true)
    assert.equal(await reserve(t.store, web1, 1), false)
    assert.equal((await serverRow(t.store, 'web-1')).load, 5)
  })

  test('by 100 callers at once, each for one device, succeeds as often as there is room', async () => {
    const web1 = await anActiveServer(t, 'web-1', { capacity: 40 })

    const admitted = await Promise.all(Array.from({ length: 100 }, () => reserve(t.store, web1, 1)))

    assert.equal(admitted.filter(Boolean).length, 40)
    assert.equal((await serverRow(t.store, 'web-1')).load, 40)
  })

  test('is refused for a server that drains, has left, is dead or has no row', async () => {
    const draining = await anActiveServer(t, 'draining')
    const left = await anActiveServer(t, 'left')
    const dead = await anActiveServer(t, 'dead')
    await drain(t.store, draining.serverId)
    await leave(t.store, left)
    await bury(t.store, dead)

    assert.equal(await reserve(t.store, draining, 1), false)
    assert.equal(await reserve(t.store, left, 1), false)
    assert.equal(await reserve(t.store, dead, 1), false)
    assert.equal(await reserve(t.store, { serverId: serverId('nobody'), capacity: 9 }, 1), false)
  })
})

describe('unreserve', () => {
  test('gives room back', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    await reserve(t.store, web1, 3)

    await unreserve(t.store, web1.serverId, 2)

    assert.equal((await serverRow(t.store, 'web-1')).load, 1)
  })

  test('never takes the load below zero', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    await reserve(t.store, web1, 1)

    await unreserve(t.store, web1.serverId, 2)

    assert.equal((await serverRow(t.store, 'web-1')).load, 1)
  })

  test('makes no row for a server that has none', async () => {
    await unreserve(t.store, serverId('nobody'), 1)

    assert.equal(await t.store.get('Servers', { serverId: serverId('nobody') }), undefined)
  })
})

describe('load correction', () => {
  test('sets the load to the counted number', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    await ownedDevices(t, web1, 2)
    await reserve(t.store, web1, 3)

    assert.equal(await correctLoad(t.store, await serverRow(t.store, 'web-1'), 2), true)
    assert.equal((await serverRow(t.store, 'web-1')).load, 2)
  })

  test('is refused when a device was assigned since the counting began', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const counted = await serverRow(t.store, 'web-1')
    await anOwnedDevice(t, web1)

    assert.equal(await correctLoad(t.store, counted, 0), false)
    assert.equal((await serverRow(t.store, 'web-1')).load, 1)
  })

  test('is refused when the server was told to look since then, though its load is the same', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    await reserve(t.store, web1, 3)
    const counted = await serverRow(t.store, 'web-1')
    await raiseAssignmentSeq(t.store, web1.serverId)

    assert.equal(await correctLoad(t.store, counted, 0), false)
    assert.equal((await serverRow(t.store, 'web-1')).load, 3)
  })

  test('is refused when a device was released since the counting began', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    await ownedDevices(t, web1, 2)
    const counted = await serverRow(t.store, 'web-1')
    await unreserve(t.store, web1.serverId, 1)

    assert.equal(await correctLoad(t.store, counted, 2), false)
    assert.equal((await serverRow(t.store, 'web-1')).load, 1)
  })
})

describe('raising assignmentSeq', () => {
  test('shows in the answer of the next beat', async () => {
    const web1 = await anActiveServer(t, 'web-1')

    const raised = await raiseAssignmentSeq(t.store, web1.serverId)

    assert.equal(raised?.assignmentSeq, 1)
    assert.equal((await beat(t.store, t.clock, web1.serverId, 0))?.assignmentSeq, 1)
  })

  test('of a server that is gone does nothing', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    await bury(t.store, web1)

    assert.equal(await raiseAssignmentSeq(t.store, web1.serverId), undefined)
    assert.equal(await raiseAssignmentSeq(t.store, serverId('nobody')), undefined)
    assert.equal(await t.store.get('Servers', { serverId: serverId('nobody') }), undefined)
  })
})
