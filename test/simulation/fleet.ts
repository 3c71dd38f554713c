/** The servers of a run. Each is the real runServer in a process of its own. A supervisor starts a server
 *  again under its name, as an ECS service does. */
import { EventEmitter } from 'node:events'
import { type ServerId, serverId } from '../../core/ids.ts'
import { DEFAULT_SETTINGS, HOST_REQUEST_MS_MAX } from '../../core/settings.ts'
import { DEFAULT_BACKOFF } from '../../hosts/device/backoff.ts'
import { attributeErrors } from '../../hosts/isolation/attribution.ts'
import { droppingConsumer } from '../../hosts/messages/consumer.ts'
import { type RunningServer, runServer } from '../../hosts/server/server.ts'
import type { HostWorld } from '../../hosts/world.ts'
import { openSimulatedAuth } from './auth.ts'
import type { Lambdas } from './lambdas.ts'
import type { Process } from './process.ts'
import { simulatedSockets } from './socket.ts'
import type { Stage } from './stage.ts'

const HOST_LIMITS = { requestMsMax: HOST_REQUEST_MS_MAX, triesMax: 3 }
/** Each try of a beat has its own send time. */
const BEAT_LIMITS = { requestMsMax: HOST_REQUEST_MS_MAX, triesMax: 1 }
const CONNECTS_PER_SECOND = 20
/** The last metrics are written before the process exits. */
const LAST_FLUSH_MS = [0, 1500] as const
const RESTART_MS = [500, 8000] as const

export interface Running {
  readonly process: Process
  readonly name: string
  readonly server: RunningServer
}

export interface Fleet {
  /** Starts a server of the nth name. */
  start(nth: number): void
  /** The newest process of the nth name, if one runs. */
  at(nth: number): Running | undefined
  alive(): Running[]
  ring(server: ServerId): void
}

/** Phones link most devices. Other tests cover a device that nobody links. */
const PAIRING_TIMEOUT_MS = 600_000

export function createFleet(stage: Stage, lambdas: () => Lambdas): Fleet {
  const { scheduler, network, weather, whatsapp, trace, judge, scenario, mutation } = stage
  const running: Running[] = []
  const starts = new Map<string, number>()
  const capacity = Math.ceil((scenario.devices + scenario.spare) / scenario.servers)

  function worldOf(process: Process): HostWorld {
    const store = network.storeFor(process, HOST_LIMITS)
    const { clock, chance: random } = process
    const errors = new EventEmitter()
    attributeErrors(errors, { clock, telemetry: stage.telemetryOf(process) }, () => process.end(true))
    const sockets = simulatedSockets(process, {
      whatsapp,
      weather,
      trace,
      nowMs: scheduler.now,
      opened: judge.opened,
      damaged: judge.damaged,
      poisoned: judge.poisoned,
      errors,
    })
    const world: HostWorld = {
      store,
      beatStore: network.storeFor(process, BEAT_LIMITS),
      clock,
      random,
      telemetry: stage.telemetryOf(process),
      settings: DEFAULT_SETTINGS,
      pairingTimeoutMs: PAIRING_TIMEOUT_MS,
      openAuth: (options) =>
        openSimulatedAuth({ store: mutated.store, clock, random }, options, (key) =>
          judge.read(options.device, key, options.epoch),
        ),
      consumer: droppingConsumer,
      openSocket: mutation?.sockets?.(sockets, process) ?? sockets,
      async requestPlacement(devices) {
        process.send(() => {
          if (!process.cut.requests) lambdas().assignLater(devices)
        })
      },
    }
    const mutated = mutation?.host?.(world, process) ?? world
    return mutated
  }

  function start(nth: number): void {
    const name = `web-${nth + 1}`
    const count = (starts.get(name) ?? 0) + 1
    starts.set(name, count)
    const process = stage.process('server', `${name}-run${count}`)
    const taskArn = `arn:task/${process.name}`
    trace.say(process.name, 'starts')
    const server = runServer(worldOf(process), {
      serverId: serverId(process.name),
      name,
      url: `http://${name}.simulated:8080`,
      capacity,
      taskArn,
      connectsPerSecond: CONNECTS_PER_SECOND,
      backoff: DEFAULT_BACKOFF,
    })
    running.push({ process, name, server })
    const exit = (why: string) => {
      trace.say(process.name, `is about to exit: ${why}`)
      process.clock.startTimer(process.chance.within(LAST_FLUSH_MS), () => process.end())
    }
    server.ended.then(
      (end) => exit(end.why),
      (error: unknown) => {
        trace.say(process.name, `exits: ${error}`)
        process.end()
      },
    )
    process.onEnd.add(() => ended(nth, process, taskArn))
  }

  function ended(nth: number, process: Process, taskArn: string): void {
    trace.say(process.name, 'is gone')
    lambdas().taskStopped(taskArn, process.hasCrashed())
    scheduler.after(stage.chance.within(RESTART_MS), () => {
      if (!at(nth)) start(nth)
    })
  }

  function at(nth: number): Running | undefined {
    return running.findLast(({ name, process }) => name === `web-${nth + 1}` && process.isAlive())
  }

  return {
    start,
    at,
    alive: () => running.filter(({ process }) => process.isAlive()),
    ring(id) {
      const rung = running.find(({ server }) => server.serverId === id)
      if (rung && !rung.process.cut.requests) rung.process.deliver(() => rung.server.ring())
    },
  }
}
