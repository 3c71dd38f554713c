/** The control plane. Each invocation is a process of its own on a machine of its own. Invocations come late,
 *  twice or never, and are killed half way. */

import type { DeviceId, ServerId } from '../../core/ids.ts'
import { assign } from '../../core/placement/assign.ts'
import { evictFrom } from '../../core/placement/evict-devices.ts'
import { listServers } from '../../core/protocol/membership.ts'
import { DEFAULT_SETTINGS } from '../../core/settings.ts'
import { buryAndTell } from '../../core/sweep/bury-and-tell.ts'
import { sweep } from '../../core/sweep/sweep.ts'
import type { Doorbell, World } from '../../core/world.ts'
import type { Process } from './process.ts'
import type { Stage } from './stage.ts'
import { delayMs } from './weather.ts'

const LIMITS = { requestMsMax: 5000, triesMax: 3 }
const SWEEP_EVERY_MS = 60_000
/** A short invocation that is to be killed is killed within this. */
const SHORT_MS = 400
const START_MS = [20, 150] as const
const RING_MS = [10, 150] as const

export interface Lambdas {
  /** A server, or a Lambda that ends, asks for servers for devices that were released. */
  assignLater(devices: readonly DeviceId[]): void
  /** ECS reports that a task has stopped, and the exit code of its process. */
  taskStopped(taskArn: string, crashed: boolean): void
  /** An API call, in a process of its own. Its errors go to its caller. */
  call(what: string, work: (world: World) => Promise<unknown>): void
  /** Starts a sweep every minute from now on. */
  schedule(): void
  readonly sweeps: Set<Process>
}

export function createLambdas(stage: Stage, ring: (server: ServerId) => void): Lambdas {
  const { scheduler, network, weather, trace, mutation } = stage
  const sweeps = new Set<Process>()
  const counts = new Map<string, number>()

  const doorbell: Doorbell = {
    async ring(servers) {
      for (const { serverId } of servers) {
        if (stage.chance.happens(weather.rates.doorbellLost)) weather.strike('doorbell lost')
        else scheduler.after(stage.chance.within(RING_MS), () => ring(serverId))
      }
    },
  }

  function worldOf(process: Process): World {
    const world: World = {
      store: network.storeFor(process, LIMITS),
      clock: process.clock,
      random: process.chance,
      telemetry: stage.telemetryOf(process),
      doorbell,
      // The doorbell is best effort in the product, so nothing may depend on it.
      tasks: { stopTask: async () => true },
      settings: DEFAULT_SETTINGS,
    }
    return mutation?.lambda?.(world) ?? world
  }

  function begin(name: string): Process {
    const count = (counts.get(name) ?? 0) + 1
    counts.set(name, count)
    return stage.process('lambda', `${name}-${count}`)
  }

  function invoke(name: string, work: (world: World) => Promise<unknown>, killedWithinMs: number): Process {
    const process = begin(name)
    if (process.chance.happens(weather.rates.lambdaKilled)) {
      scheduler.after(process.chance.between(0, killedWithinMs), () => {
        if (!process.isAlive() || weather.isCalm()) return
        weather.strike('lambda killed')
        trace.say(process.name, 'is killed')
        process.end()
      })
    }
    scheduler.after(0, () => {
      work(worldOf(process)).then(
        () => process.end(),
        (error: unknown) => {
          trace.say(process.name, `failed: ${error}`)
          process.end()
        },
      )
    })
    return process
  }

  /** An asynchronous invocation, which AWS delivers at least once. */
  function invokeLater(name: string, work: (world: World) => Promise<unknown>): void {
    const { chance } = stage
    if (chance.happens(weather.rates.invocationLost)) {
      weather.strike('invocation lost')
      return
    }
    const isTwice = chance.happens(weather.rates.invocationTwice)
    if (isTwice) weather.strike('invocation twice')
    for (let time = 0; time < (isTwice ? 2 : 1); time++) {
      const isLate = chance.happens(weather.rates.invocationLate)
      if (isLate) weather.strike('invocation late')
      scheduler.after(chance.within(START_MS) + (isLate ? delayMs(chance) : 0), () => {
        invoke(name, work, SHORT_MS)
      })
    }
  }

  function startSweep(): void {
    if (weather.sweepsOff) return
    const process = invoke('sweep', (world) => Promise.all([sweep(world), mutated(world)]), SWEEP_EVERY_MS)
    sweeps.add(process)
    process.onEnd.add(() => sweeps.delete(process))
  }

  async function mutated(world: World): Promise<void> {
    await mutation?.look?.(world)
  }

  /** As lambdas/task-stopped.ts does for an event that carries an exit code. */
  async function clearAway(world: World, taskArn: string, crashed: boolean): Promise<void> {
    for (const server of await listServers(world.store)) {
      if (server.taskArn !== taskArn) continue
      await buryAndTell(world, server, { why: 'its task stopped with an exit code', exited: { crashed } })
      await assign(world, await evictFrom(world, crashed ? { ...server, crashed } : server))
    }
  }

  return {
    assignLater: (devices) => invokeLater('assign', (world) => assign(world, devices)),
    taskStopped: (taskArn, crashed) =>
      invokeLater('task-stopped', (world) => clearAway(world, taskArn, crashed)),
    call: (what, work) => void invoke(what, work, SHORT_MS),
    schedule() {
      const tick = () => {
        startSweep()
        if (stage.chance.happens(weather.rates.invocationTwice)) startSweep()
        scheduler.after(SWEEP_EVERY_MS, tick)
      }
      scheduler.after(stage.chance.between(0, 3000), tick)
    },
    sweeps,
  }
}
