/** Lets the faults of a scenario strike at their times. */
import type { Fleet } from './fleet.ts'
import type { Lambdas } from './lambdas.ts'
import { nthDevice } from './operators.ts'
import type { Process } from './process.ts'
import type { Fault } from './scenario.ts'
import type { Stage } from './stage.ts'

type NearBurial = Extract<Fault, { kind: 'near-burial' }>

/** Burials stay late for this long after the silence, so that the burial it provoked is late as well. */
const LATE_AFTER_MS = 5000

export function scheduleFaults(stage: Stage, fleet: Fleet, lambdas: Lambdas): void {
  for (const fault of stage.scenario.faults) {
    stage.scheduler.at(fault.atMs, () => {
      if (stage.weather.isCalm()) return
      if (fault.kind !== 'trap') stage.weather.strike(fault.kind)
      strike(stage, fleet, lambdas, fault)
    })
  }
}

function strike(stage: Stage, fleet: Fleet, lambdas: Lambdas, fault: Fault): void {
  const { scheduler, weather, whatsapp, trace, scenario } = stage
  const nth = 'server' in fault ? fault.server % scenario.servers : 0
  const target = fleet.at(nth)?.process
  trace.say('fault', `${JSON.stringify(fault)}${target && 'server' in fault ? ` on ${target.name}` : ''}`)
  switch (fault.kind) {
    case 'crash':
      if (target && fault.machine) target.cut.whatsapp = true
      target?.end()
      return
    case 'freeze':
      target?.freeze(fault.forMs, fault.how)
      return
    case 'freeze-sweeps':
      for (const process of lambdas.sweeps) process.freeze(fault.forMs, 'machine')
      return
    case 'cut-off': {
      if (!target) return
      target.cut = {
        requests: fault.way !== 'answers',
        answers: fault.way !== 'requests',
        whatsapp: fault.way === 'everything',
      }
      const cut = target.cut
      scheduler.after(fault.forMs, () => {
        Object.assign(cut, { requests: false, answers: false, whatsapp: false })
      })
      return
    }
    case 'near-burial':
      if (target) silence(stage, target, fault)
      return
    case 'trap':
      weather.set(fault)
      return
    case 'store-down':
      weather.storeDown = true
      scheduler.after(fault.forMs, () => {
        weather.storeDown = false
      })
      return
    case 'no-sweeps':
      weather.sweepsOff = true
      for (const process of lambdas.sweeps) process.end()
      scheduler.after(fault.forMs, () => {
        weather.sweepsOff = false
      })
      return
    case 'whatsapp-closes':
      whatsapp.close(nthDevice(fault.device % scenario.devices), fault.code)
      return
    case 'foreign-login':
      whatsapp.foreignLogin(nthDevice(fault.device % scenario.devices))
      return
    case 'damaged-stanza':
      whatsapp.damage(nthDevice(fault.device % scenario.devices))
      return
    case 'poison':
      weather.poison(nthDevice(fault.device % scenario.devices))
      return
    case 'clock-set':
      target?.clock.setWallBy(fault.byMs)
      return
    case 'task-replaced': {
      const leaving = fleet.at(nth)
      leaving?.process.deliver(() => leaving.server.leave())
      scheduler.after(fault.overlapMs, () => fleet.start(nth))
      return
    }
  }
}

function silence({ scheduler, weather }: Stage, target: Process, { forMs, lateMs }: NearBurial): void {
  const { cut } = target
  cut.requests = true
  weather.burialsLateMs = lateMs
  scheduler.after(forMs, () => {
    cut.requests = false
  })
  scheduler.after(forMs + LATE_AFTER_MS, () => {
    weather.burialsLateMs = 0
  })
}
