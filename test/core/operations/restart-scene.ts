/** A fleet for playing a rolling restart: the service follows a script, and servers do what their devices'
 *  rows ask for. Used by restart.test.ts; it asserts nothing itself. */

import { drainId, RESTART_ID, readOperation } from '../../../core/operations/operations.ts'
import { advanceOperations } from '../../../core/operations/steps.ts'
import { assign } from '../../../core/placement/assign.ts'
import { leave, listServers } from '../../../core/protocol/membership.ts'
import { permit, release, report } from '../../../core/protocol/ownership.ts'
import type { ServiceControl } from '../../../core/service.ts'
import type { Drain, Restart } from '../../../core/store/operation-row.ts'
import { isLive, type ServerRow } from '../../../core/store/server-row.ts'
import type { Store } from '../../../core/store/store.ts'
import { scanAll } from '../../../core/store/store.ts'
import type { TaskControl } from '../../../core/world.ts'
import type { Tables, TestWorld } from '../../builders/builders.ts'
import * as build from '../../builders/builders.ts'

export interface ServiceScript {
  desired: number
  steady: boolean
  deployment: string
  /** Whether `protect` succeeds. */
  spares: boolean
  /** Whether a request for a deployment arrives. */
  hears: boolean
  /** Whether tasks are stopped when they are asked to. */
  stops: boolean
}

export interface Scene {
  readonly world: TestWorld
  readonly script: ServiceScript
  /** The requests to the service and to tasks, in order. */
  readonly asked: string[]
  /** A second sweep on the same store. */
  other(seed?: number): TestWorld
}

/** Servers s-1, s-2, ... with devices, run by a service. */
export async function aFleet(
  tables: Tables,
  devicesOfEach: readonly number[],
  capacity = 10,
): Promise<Scene> {
  const script = {
    desired: devicesOfEach.length,
    steady: true,
    deployment: 'first',
    spares: true,
    hears: true,
    stops: true,
  }
  const asked: string[] = []
  const equip = (plain: TestWorld): TestWorld =>
    Object.assign(plain, { service: scripted(script, asked), tasks: recorded(script, asked) })
  const world = equip(await build.aWorld(tables))
  for (const [at, count] of devicesOfEach.entries()) {
    const server = await aServer(world, `s-${at + 1}`, capacity)
    for (const { deviceId: device } of await build.ownedDevices(world, server, count)) {
      const { epoch } = await permit(world.store, world.clock, device, server.serverId)
      const socket = { device, server: server.serverId, epoch }
      await report(world.store, world.clock, socket, { set: { status: 'connected' } })
    }
  }
  return {
    world,
    script,
    asked,
    other: (seed = 2) => equip(sameClock(build.worldOn(world.store, seed), world)),
  }
}

function sameClock(other: TestWorld, world: TestWorld): TestWorld {
  return { ...other, clock: world.clock }
}

function scripted(script: ServiceScript, asked: string[]): ServiceControl {
  return {
    size: async () => ({ ...script }),
    resize: async (desired) => void asked.push(`resize ${desired}`),
    async protect(tasks) {
      asked.push(`protect ${tasks.toSorted().join(' ')}`)
      return script.spares
    },
    async redeploy() {
      asked.push('deploy')
      if (!script.hears) return
      script.deployment = `${script.deployment} and another`
      script.steady = false
    },
  }
}

function recorded(script: ServiceScript, asked: string[]): TaskControl {
  return {
    async stopTask(task) {
      asked.push(`stop ${task}`)
      return script.stops
    },
  }
}

export function aServer(world: TestWorld, name: string, capacity = 10): Promise<ServerRow> {
  return build.anActiveServer(world, name, { capacity, taskArn: `task-of-${name}` })
}

/** The sweep looks this many times, once a second. */
export async function look(world: TestWorld, times = 1): Promise<void> {
  for (let time = 0; time < times; time++) {
    world.clock.advance(1000)
    await advanceOperations(world)
  }
}

/** The servers release the devices that are asked to move, and connect the devices that they were given. */
export async function serversObey(world: TestWorld): Promise<void> {
  const { store, clock } = world
  for (const { deviceId: device, owner: server, epoch, moveTo } of await scanAll(store, 'Devices')) {
    if (!server || !moveTo) continue
    await release(store, clock, { device, server, epoch, status: 'unassigned' })
    await assign(world, [device])
  }
  for (const { deviceId: device, owner: server, status } of await scanAll(store, 'Devices')) {
    if (!server || status !== 'assigned') continue
    const { epoch } = await permit(store, clock, device, server)
    await report(store, clock, { device, server, epoch }, { set: { status: 'connected' } })
  }
}

/** Looks, with servers that obey, until the restart is at `phase` of the server with this name. */
export async function until(world: TestWorld, name: string, phase: string): Promise<void> {
  for (let time = 0; time < 40; time++) {
    const step = (await restartOf(world.store)).steps.find((one) => one.name === name)
    if (step?.phase === phase) return
    await look(world)
    await serversObey(world)
  }
  throw new Error(`${name} never got to ${phase}: ${JSON.stringify(await restartOf(world.store))}`)
}

/** The server with this name leaves, as it does when its task is stopped. */
export async function leaves(world: TestWorld, name: string): Promise<void> {
  await leave(world.store, await build.serverRow(world.store, name))
}

export async function restartOf(store: Store): Promise<Restart> {
  const row = await readOperation(store, RESTART_ID)
  if (row?.kind !== 'restart') throw new Error('the test expects a restart')
  return row
}

export async function drainOf(store: Store, name: string): Promise<Drain | undefined> {
  const row = await readOperation(store, drainId((await build.serverRow(store, name)).serverId))
  return row?.kind === 'drain' ? row : undefined
}

/** By name, how many devices each live server owns. */
export async function spread({ store }: TestWorld): Promise<Record<string, number>> {
  const servers = (await listServers(store)).filter(isLive)
  const devices = await scanAll(store, 'Devices')
  const counts = servers.map(({ name, serverId }) => [
    name,
    devices.filter(({ owner }) => owner === serverId).length,
  ])
  return Object.fromEntries(counts.sort())
}

/** The epoch of every device. It tells how often the device was connected and released since the fleet was
 *  made. */
export async function epochs({ store }: TestWorld): Promise<number[]> {
  return (await scanAll(store, 'Devices')).map(({ epoch }) => epoch)
}
