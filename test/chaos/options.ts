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

export const HELP = `Strikes a fleet of real processes on this machine with faults. The simulated WhatsApp is the judge.

npm run chaos -- [options]
  --minutes N    how long the faults last (10); linking before them and checks after them take longer
  --seconds N    the same in seconds
  --devices N    linked devices (150)
  --servers N    server processes (5), at least 3: two are always left alone
  --seed N       draws the plan of the faults (1)
  --fleet WHICH  mooring (default); naive, the demo's fleet without Mooring; or both, one after the other
  --help         shows this text

Servers are killed, frozen for 1 to 30 s, cut off from everything or from the database in one or both directions, given
a slow database, and restarted one after another. The sweep is stopped. WhatsApp closes sockets. Devices come and go,
and messages go both ways. WhatsApp also does wrong to one device after another: it sends damaged input, refuses
logins, leaves queries and messages unanswered, and falls silent. Ctrl-C ends the run and leaves no process behind.

Exit code 1 when, with Mooring, a figure was not 0 that must be 0. Without Mooring such figures are only told.
Exit code 130 after Ctrl-C.`

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
