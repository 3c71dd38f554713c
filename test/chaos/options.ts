/** The options of `npm run chaos`. */
import { parseArgs } from 'node:util'

export type FleetChoice = 'mooring' | 'naive' | 'both'

export interface ChaosOptions {
  readonly seed: number
  readonly seconds: number
  readonly devices: number
  readonly servers: number
  readonly fleet: FleetChoice
}

export const HELP = `Strikes a fleet of real processes on this machine with faults, and has the simulated WhatsApp judge it.

npm run chaos -- [options]
  --minutes N    how long the faults last (10); linking before and looking after them come on top
  --seconds N    the same in seconds
  --devices N    linked WhatsApp devices (150)
  --servers N    server processes, at least 3: two are always left alone (5)
  --seed N       draws the plan of the faults (1)
  --fleet WHICH  mooring (default), naive: the demo's fleet without Mooring, or both: one after the other, side by side
  --help         this

Servers are killed, frozen for 1 to 30 s, cut off from everything or from the database in one or both directions, given a
slow database, and restarted one after another; the sweep is stopped; WhatsApp closes sockets; devices come and go, and
messages go both ways. To one device after another WhatsApp sends damaged input, refuses logins, leaves queries and messages
unanswered, and falls silent. Ctrl-C ends it and leaves no process behind.

Exit code 1 when with Mooring anything was not 0 that must be (without Mooring it is only told), 130 after Ctrl-C.`

const FLEETS: readonly string[] = ['mooring', 'naive', 'both'] satisfies FleetChoice[]

/** @returns undefined when help is asked for
 *  @throws RangeError with a sentence for the person at the terminal */
export function readOptions(args: string[]): ChaosOptions | undefined {
  const { values } = parseArgs({
    args,
    options: {
      minutes: { type: 'string' },
      seconds: { type: 'string' },
      devices: { type: 'string', default: '150' },
      servers: { type: 'string', default: '5' },
      seed: { type: 'string', default: '1' },
      fleet: { type: 'string', default: 'mooring' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return undefined
  const { fleet } = values
  if (!isFleet(fleet)) throw new RangeError(`--fleet is ${FLEETS.join(', ')}, not ${fleet}`)
  const minutes = number('--minutes', values.minutes ?? '10', 0.1, 600)
  return {
    fleet,
    seconds: values.seconds === undefined ? minutes * 60 : number('--seconds', values.seconds, 10, 36_000),
    devices: whole('--devices', values.devices, 1, 1000),
    servers: whole('--servers', values.servers, 3, 20),
    seed: whole('--seed', values.seed, 0, Number.MAX_SAFE_INTEGER),
  }
}

function isFleet(text: string): text is FleetChoice {
  return FLEETS.includes(text)
}

function whole(option: string, text: string, from: number, to: number): number {
  const count = number(option, text, from, to)
  if (!Number.isInteger(count)) throw new RangeError(`${option} takes a whole number, not ${text}`)
  return count
}

function number(option: string, text: string, from: number, to: number): number {
  const found = Number(text)
  if (!(found >= from && found <= to)) throw new RangeError(`${option} is from ${from} to ${to}, not ${text}`)
  return found
}
