/** All that the parts of one run share: time, tables, weather, WhatsApp, the judge, and the making of
 *  processes. */
import type { Telemetry } from '../../core/telemetry.ts'
import type { World } from '../../core/world.ts'
import type { OpenSocket } from '../../hosts/whatsapp/socket.ts'
import type { HostWorld } from '../../hosts/world.ts'
import { type Chance, chance } from './chance.ts'
import { createJudge, type Judge } from './judge.ts'
import { createMemory, type Memory } from './memory-store.ts'
import { createNetwork, type Network } from './network.ts'
import { createProcess, type Process } from './process.ts'
import type { Scenario } from './scenario.ts'
import { createScheduler, type Scheduler } from './scheduler.ts'
import { createTrace, noTrace, type Trace } from './trace.ts'
import { createWeather, type Weather } from './weather.ts'
import { createWhatsApp, type WhatsApp } from './whatsapp.ts'

/** A deliberate mistake, made around the product's code instead of in it. */
export interface Mutation {
  readonly name: string
  host?(world: HostWorld, process: Process): HostWorld
  sockets?(open: OpenSocket, process: Process): OpenSocket
  lambda?(world: World): World
  /** A sweep does this each second. */
  look?(world: World): Promise<void>
}

export interface Stage {
  readonly scenario: Scenario
  readonly scheduler: Scheduler
  readonly memory: Memory
  readonly network: Network
  readonly weather: Weather
  readonly whatsapp: WhatsApp
  readonly judge: Judge
  readonly trace: Trace
  readonly chance: Chance
  readonly mutation: Mutation | undefined
  process(kind: Process['kind'], name: string): Process
  telemetryOf(process: Process): Telemetry
}

/** Machines differ by up to this much in their time of day, and their clocks run within 1 % of the true
 *  rate. */
const WALL_OFFSET_MS_MAX = 3_600_000
const RATE_ERROR_MAX = 0.01

const LAG_MS = [5, 300] as const
const SLOW_LAG_MS = [300, 4000] as const

export function createStage(scenario: Scenario, mutation: Mutation | undefined, isTraced: boolean): Stage {
  const { seed } = scenario
  const scheduler = createScheduler(seed)
  const weather = createWeather(scenario)
  const trace = isTraced ? createTrace(scheduler.now) : noTrace
  const lag = chance(seed, 'lag')
  const memory: Memory = createMemory({
    nowMs: scheduler.now,
    lagMs: () => lag.within(lag.happens(weather.rates.indexSlow) ? SLOW_LAG_MS : LAG_MS),
    written: (write) => judge.written(write),
  })
  const whatsapp: WhatsApp = createWhatsApp(seed, scheduler, weather, trace, {
    replaced: (event) => judge.replaced(event),
    linked: (wire) => judge.linked(wire),
  })
  const judge: Judge = createJudge({ memory, whatsapp, trace, nowMs: scheduler.now })
  const network = createNetwork(scheduler, memory, weather, trace, judge.answered)

  return {
    scenario,
    scheduler,
    memory,
    network,
    weather,
    whatsapp,
    judge,
    trace,
    mutation,
    chance: chance(seed, 'stage'),
    process(kind, name) {
      const its = chance(seed, name)
      const clock = {
        wallOffsetMs: its.between(-WALL_OFFSET_MS_MAX, WALL_OFFSET_MS_MAX),
        rate: its.between(1 - RATE_ERROR_MAX, 1 + RATE_ERROR_MAX),
      }
      return createProcess(scheduler, { name, kind, chance: its, clock })
    },
    telemetryOf: (process) => ({
      emit(event, fields = {}) {
        if (!isTraced) return
        const { deviceId, serverId, epoch, why, code, error } = fields
        const facts = [deviceId, serverId === process.name ? undefined : serverId, epoch, code, why, error]
        trace.say(process.name, `${event} ${facts.filter((fact) => fact !== undefined).join(' ')}`)
      },
    }),
  }
}
