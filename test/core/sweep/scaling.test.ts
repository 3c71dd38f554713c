import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { beginRestart } from '../../../core/operations/restart-requests.ts'
import { leave } from '../../../core/protocol/membership.ts'
import type { ServiceControl, ServiceSize } from '../../../core/service.ts'
import { scale } from '../../../core/sweep/scaling.ts'
import type { TestWorld } from '../../builders/builders.ts'
import * as build from '../../builders/builders.ts'

let tables: build.Tables

before(async () => {
  tables = await build.embeddedTables()
})
after(() => tables.close())

const LIMITS = { minimum: 1, maximum: 4, scaleOutCoolDownSeconds: 120, scaleInCoolDownSeconds: 600 }

/** A service that records its requests. */
function aService(size: Partial<ServiceSize> = {}) {
  const resized: number[] = []
  const protectedTasks: string[] = []
  const service: ServiceControl = {
    size: async () => ({ desired: 1, steady: true, deployment: 'first', ...size }),
    redeploy: async () => assert.fail('scaling never deploys'),
    resize: async (desired) => void resized.push(desired),
    protect: async (tasks) => protectedTasks.push(...tasks) >= 0,
  }
  return { service, resized, protectedTasks }
}

async function servers(world: TestWorld, ...capacities: number[]) {
  const joined = []
  for (const [number, capacity] of capacities.entries()) {
    joined.push(await build.anActiveServer(world, `s-${number}`, { capacity, taskArn: `task-${number}` }))
  }
  return joined
}

describe('scaling', () => {
  test('asks for as many more servers as the waiting devices need, within the maximum', async () => {
    const world = await build.aWorld(tables)
    await servers(world, 2)
    await build.waitingDevices(world, 7)
    const { service, resized } = aService()
    await scale(world, service, LIMITS)
    assert.deepEqual(resized, [4])
  })

  test('asks once in a cool-down, however many sweeps look', async () => {
    const world = await build.aWorld(tables)
    await servers(world, 1)
    await build.waitingDevices(world, 2)
    const { service, resized } = aService()
    await Promise.all([scale(world, service, LIMITS), scale(build.worldOn(world.store, 2), service, LIMITS)])
    assert.deepEqual(resized, [2])
    world.clock.advance(121_000)
    await scale(world, service, LIMITS)
    assert.deepEqual(resized, [2, 2])
  })

  test('asks again sooner when the cool-down is configured shorter', async () => {
    const world = await build.aWorld(tables)
    await servers(world, 1)
    await build.waitingDevices(world, 2)
    const { service, resized } = aService()
    const limits = { ...LIMITS, scaleOutCoolDownSeconds: 5 }
    await scale(world, service, limits)
    world.clock.advance(6000)
    await scale(world, service, limits)
    assert.deepEqual(resized, [2, 2])
  })

  test('drains one idle server in a cool-down, however many are idle', async () => {
    const world = await build.aWorld(tables)
    await servers(world, 10, 10, 10)
    const limits = { ...LIMITS, scaleInCoolDownSeconds: 60 }
    await scale(world, aService({ desired: 3 }).service, limits)
    const [drained] = world.told('server.draining')
    await leave(world.store, await build.serverRow(world.store, String(drained?.serverId)))
    await scale(world, aService({ desired: 2 }).service, limits)
    assert.equal(world.told('server.draining').length, 1)
    world.clock.advance(61_000)
    await scale(world, aService({ desired: 2 }).service, limits)
    assert.equal(world.told('server.draining').length, 2)
  })

  test('leaves the number alone while the fleet is restarted', async () => {
    const world = await build.aWorld(tables)
    await servers(world, 10, 10)
    await beginRestart(world, 'key-1')
    const { service, resized } = aService({ desired: 2 })
    await scale(world, service, LIMITS)
    await build.waitingDevices(world, 30)
    await scale(world, service, LIMITS)
    assert.deepEqual(resized, [])
    assert.equal(world.told('server.draining').length, 0)
  })

  test('says so when the maximum is reached', async () => {
    const world = await build.aWorld(tables)
    await servers(world, 1)
    await build.waitingDevices(world, 2)
    const { service, resized } = aService({ desired: 4 })
    await scale(world, service, LIMITS)
    assert.deepEqual(resized, [])
    assert.equal(world.told('service.full').length, 1)
  })

  test('drains the least loaded server first, and stops it once it is empty and others are protected', async () => {
    const world = await build.aWorld(tables)
    await servers(world, 10, 10)
    const { service, resized, protectedTasks } = aService({ desired: 2 })
    await scale(world, service, LIMITS)
    assert.deepEqual(resized, [])
    assert.equal(world.told('server.draining').length, 1)
    await scale(world, service, LIMITS)
    assert.deepEqual(resized, [1])
    assert.deepEqual(protectedTasks, ['task-1'])
  })

  test('leaves the number alone while a deployment is under way, and at the minimum', async () => {
    const world = await build.aWorld(tables)
    await servers(world, 10, 10)
    await scale(world, aService({ desired: 2, steady: false }).service, LIMITS)
    await scale(world, aService({ desired: 2 }).service, { ...LIMITS, minimum: 2 })
    assert.equal(world.told('server.draining').length, 0)
  })
})
