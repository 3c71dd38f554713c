/** The weather at this moment: rates, outages and traps. Each strike is counted by its kind. */
import type { DeviceId } from '../../core/ids.ts'
import type { Chance } from './chance.ts'
import type { Process } from './process.ts'
import type { Fault, Rates, Scenario } from './scenario.ts'

type Trap = Extract<Fault, { kind: 'trap' }>

export interface Weather {
  readonly rates: Rates
  /** No process reaches the store. */
  storeDown: boolean
  /** The schedule starts no sweeps. */
  sweepsOff: boolean
  /** The delay of every burial on its way to the store. */
  burialsLateMs: number
  set(trap: Trap): void
  /** From now on this device ends every server at which it logs in. */
  poison(device: DeviceId): void
  isPoisoned(device: DeviceId): boolean
  /** The trap for this request, if it is the nth of its kind since the trap was set. */
  sprung(request: string): Trap | undefined
  strike(kind: string): void
  /** From now on nothing strikes. */
  calm(): void
  isCalm(): boolean
  readonly struck: Map<string, number>
}

const NO_RATES: Rates = {
  requestLost: 0,
  answerLost: 0,
  requestDelayed: 0,
  answerDelayed: 0,
  throttled: 0,
  frozenAtRequest: 0,
  indexSlow: 0,
  doorbellLost: 0,
  invocationLost: 0,
  invocationTwice: 0,
  invocationLate: 0,
  lambdaKilled: 0,
}

export function createWeather({ rates }: Pick<Scenario, 'rates'>): Weather {
  const struck = new Map<string, number>()
  const traps = new Map<Trap, { left: number }>()
  const poisoned = new Set<DeviceId>()
  let isCalm = false
  return {
    storeDown: false,
    sweepsOff: false,
    burialsLateMs: 0,
    get rates() {
      return isCalm ? NO_RATES : rates
    },
    struck,
    set: (trap) => void traps.set(trap, { left: trap.nth }),
    poison: (device) => void poisoned.add(device),
    isPoisoned: (device) => poisoned.has(device),
    sprung(request) {
      for (const [trap, count] of traps) {
        if (trap.at !== request) continue
        count.left -= 1
        if (count.left > 0) continue
        traps.delete(trap)
        return trap
      }
      return undefined
    },
    strike: (kind) => void struck.set(kind, (struck.get(kind) ?? 0) + 1),
    calm() {
      isCalm = true
      traps.clear()
      poisoned.clear()
      this.storeDown = false
      this.sweepsOff = false
      this.burialsLateMs = 0
    },
    isCalm: () => isCalm,
  }
}

/** The delay of a late request: mostly less than a beat, at times longer than a request may take. */
export function delayMs(chance: Chance): number {
  return chance.happens(700) ? chance.between(100, 1500) : chance.between(1500, 6000)
}

/** A sudden freeze: mostly a pause of the runtime or of the machine, at times a long one. */
export function freezeSomehow({ chance, freeze }: Process): void {
  const forMs = chance.happens(800) ? chance.between(50, 3000) : chance.between(3000, 25_000)
  freeze(forMs, chance.pick(['stopped', 'machine', 'suspended'] as const) ?? 'stopped')
}
