import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { ServiceControl, ServiceSize } from '../../core/scaling.ts'
import { scale } from '../../core/scaling.ts'
import type { TestWorld } from './builders.ts'
import * as build from './builders.ts'

let tables: build.Tables

before(async () => {
  tables = await build.embeddedTables()
})
after(() => tables.close())

const LIMITS = { minimum: 1, maximum: 4 }

/** A service that writes down what it is asked. */
function aService(size: Partial<ServiceSize> = {}) {
  const resized: number[] = []
  const protectedTasks: string[] = []
  const service: ServiceControl = {
    size: async () => ({ desired: 1, steady: true, ...size }),
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

  test('asks once in a cool-down, whoever looks', async () => {
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

  test('says so when the maximum is reached', async () => {
    const world = await build.aWorld(tables)
    await servers(world, 1)
    await build.waitingDevices(world, 2)
    const { service, resized } = aService({ desired: 4 })
    await scale(world, service, LIMITS)
    assert.deepEqual(resized, [])
    assert.equal(world.told('service.full').length, 1)
  })

  test('drains the least loaded server first, and stops it only when it is empty and the others are protected', async () => {
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
    await scale(world, aService({ desired: 2 }).service, { minimum: 2, maximum: 4 })
    assert.equal(world.told('server.draining').length, 0)
  })
})
