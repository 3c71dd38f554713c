import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { beat } from '../../../core/protocol/membership.ts'
import { evictOnRequest, stopTaskOf } from '../../../core/sweep/evict-on-request.ts'
import * as build from '../../builders/builders.ts'

let tables: build.Tables

before(async () => {
  tables = await build.embeddedTables()
})
after(() => tables.close())

async function aServerWithADevice(options: build.ServerOptions = {}) {
  const world = await build.aWorld(tables)
  const server = await build.anActiveServer(world, 'server-0', options)
  const { deviceId } = await build.anOwnedDevice(world, server)
  return { world, server, deviceId }
}

describe('an eviction on request', () => {
  test('is refused while the server beats, and the server keeps its devices', async () => {
    const { world, server, deviceId } = await aServerWithADevice()

    await assert.rejects(evictOnRequest(world, server), { code: 'SERVER_STILL_BEATING' })

    assert.equal((await build.deviceRow(world.store, deviceId)).owner, server.serverId)
    assert.equal((await build.serverRow(world.store, server.serverId)).state, 'active')
  })

  test('buries a silent server only after the bury time on its own clock', async () => {
    const { world, server, deviceId } = await aServerWithADevice()
    world.clock.advance(world.settings.buryAfterMs)
    const begun = world.clock.mark()

    const { evicted } = await world.clock.runUntilDone(evictOnRequest(world, server))

    assert.deepEqual(evicted, [deviceId])
    assert.ok(world.clock.elapsedMs(begun) >= world.settings.buryAfterMs)
    assert.equal((await build.serverRow(world.store, server.serverId)).state, 'dead')
  })

  test('is refused when the server that seemed silent beats during the watch', async () => {
    const { world, server } = await aServerWithADevice()
    world.clock.advance(world.settings.buryAfterMs)
    world.clock.startTimer(3000, () => void beat(world.store, world.clock, server.serverId, 1))

    const evicting = world.clock.runUntilDone(evictOnRequest(world, server))

    await assert.rejects(evicting, { code: 'SERVER_STILL_BEATING' })
    assert.equal((await build.serverRow(world.store, server.serverId)).state, 'active')
  })

  test('places the devices, and says how many have another server', async () => {
    const { world, server } = await aServerWithADevice()
    await build.anOwnedDevice(world, server, 'device-2')
    world.clock.advance(world.settings.buryAfterMs)
    await build.anActiveServer(world, 'server-1', { capacity: 1 })

    const { evicted, placed } = await world.clock.runUntilDone(evictOnRequest(world, server))

    assert.equal(evicted.length, 2)
    assert.equal(placed, 1)
  })
})

describe('stopTask', () => {
  test('asks ECS to stop the task of the server', async () => {
    const { world, server } = await aServerWithADevice({ taskArn: 'task-0' })

    await stopTaskOf(world, server)

    assert.deepEqual(world.stoppedTasks, ['task-0'])
  })

  test('is refused for a server that runs in no task', async () => {
    const { world, server } = await aServerWithADevice()

    await assert.rejects(stopTaskOf(world, server), { code: 'SERVER_HAS_NO_TASK' })
  })

  test('says so when ECS does not take it', async () => {
    const { world, server } = await aServerWithADevice({ taskArn: 'task-0' })
    const refusing = { ...world, tasks: { stopTask: async () => false } }

    await assert.rejects(stopTaskOf(refusing, server), { code: 'TASK_NOT_STOPPED' })
  })
})
