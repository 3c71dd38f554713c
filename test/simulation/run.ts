/** A run: a fleet starts, ninety rough seconds follow, and then calm weather in which everything must come
 *  right. The same scenario gives the same run, step by step. */
import { assemble, type Cast } from './cast.ts'
import type { Violation } from './judge.ts'
import { nthDevice } from './operators.ts'
import { ROUGH_MS, type Scenario } from './scenario.ts'
import { createStage, type Mutation, type Stage } from './stage.ts'
import type { Line } from './trace.ts'

/** In calm weather every device must be connected within this: a bury time, two sweeps that correct loads,
 *  and the longest backoff. */
const RECOVERY_MS_MAX = 240_000
const LOOK_EVERY_MS = 1000
/** Operators ask again, because a call is lost at times when its Lambda is killed. */
const ASK_EVERY_MS = 10_000

export interface RunResult {
  readonly violation: Violation | undefined
  readonly steps: number
  readonly virtualMs: number
  /** The time from the end of the faults until every device was connected. */
  readonly recoveryMs: number
  readonly struck: ReadonlyMap<string, number>
  readonly figures: Stage['judge']['figures']
  readonly trace: readonly Line[]
}

export interface RunOptions {
  readonly mutation?: Mutation | undefined
  readonly isTraced?: boolean
}

export async function run(scenario: Scenario, options: RunOptions = {}): Promise<RunResult> {
  const stage = createStage(scenario, options.mutation, options.isTraced ?? false)
  const { scheduler, judge, trace } = stage
  const crashed = (error: unknown) => judge.accuse('no promise is left alone', String(error))
  process.on('unhandledRejection', crashed)
  const cast = assemble(stage)
  let recoveredAtMs: number | undefined

  scheduler.at(ROUGH_MS, () => clearUp(stage, cast))
  const look = () => {
    const wrong = whatIsWrong(stage, cast)
    if (wrong === undefined) recoveredAtMs = scheduler.now()
    else if (scheduler.now() < ROUGH_MS + RECOVERY_MS_MAX) scheduler.after(LOOK_EVERY_MS, look)
    else judge.accuse('7 everything connects', wrong)
  }
  scheduler.at(ROUGH_MS + LOOK_EVERY_MS, look)

  while (recoveredAtMs === undefined && !judge.verdict()) {
    if (!(await scheduler.step())) break
    judge.judge()
  }
  process.off('unhandledRejection', crashed)
  return {
    violation: judge.verdict(),
    steps: scheduler.steps(),
    virtualMs: scheduler.now(),
    recoveryMs: Math.max(0, scheduler.now() - ROUGH_MS),
    struck: stage.weather.struck,
    figures: judge.figures,
    trace: trace.lines(),
  }
}

/** The faults end: frozen processes go on, every server can be reached, every device is to run, and no server
 *  is drained. */
function clearUp(stage: Stage, { fleet, lambdas, operators }: Cast): void {
  const { scenario, scheduler, weather, trace } = stage
  trace.say('fault', 'the faults are over')
  weather.calm()
  for (const { process } of fleet.alive()) {
    process.cut = { requests: false, answers: false, whatsapp: false }
    process.thaw()
  }
  for (const process of lambdas.sweeps) process.thaw()
  const ask = () => {
    for (let nth = 0; nth < scenario.devices; nth++) {
      const row = stage.memory.get('Devices', { deviceId: nthDevice(nth) })
      if (!row) operators.register(nth)
      else if ((row.desired === 'stopped' || row.quarantinedAt !== undefined) && !row.deleting)
        operators.start(nth)
    }
    for (let nth = 0; nth < scenario.servers; nth++) operators.callOff(nth)
    scheduler.after(ASK_EVERY_MS, ask)
  }
  ask()
}

/** @returns what keeps the fleet from its right state, or undefined */
function whatIsWrong({ scenario, memory, whatsapp }: Stage, { fleet }: Cast): string | undefined {
  for (let nth = 0; nth < scenario.devices; nth++) {
    const id = nthDevice(nth)
    const row = memory.get('Devices', { deviceId: id })
    if (row?.status !== 'connected')
      return `${id} is ${row?.status ?? 'not there'}: ${row?.statusReason ?? ''}`
    const holder = whatsapp.holderOf(id)
    if (!holder?.isOpenHere || !holder.process.isAlive()) return `${id} is said to be connected and is not`
    if (holder.server !== row.owner || holder.epoch !== row.epoch)
      return (
        `${id} is connected by ${holder.server} under epoch ${holder.epoch}, ` +
        `not by ${row.owner} under ${row.epoch}`
      )
    if (row.moveTo) return `${id} is still asked to move to ${row.moveTo}`
  }
  const devices = memory.rows('Devices')
  for (const { server } of fleet.alive()) {
    const load = memory.get('Servers', { serverId: server.serverId })?.load
    const owned = devices.filter((device) => device.owner === server.serverId).length
    if (load !== owned) return `6 ${server.serverId} has a load of ${load} and owns ${owned}`
  }
  return undefined
}
