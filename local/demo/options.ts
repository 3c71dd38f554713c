/** The options of `npm run demo`. */
import { parseArgs } from 'node:util'

export interface DemoOptions {
  readonly devices: number
}

const DEVICES_MIN = 6
const DEVICES_MAX = 300

export const HELP = `Shows on this machine what Mooring prevents, in about 90 seconds.

  npm run demo -- [options]

  --devices N   WhatsApp devices in each of the two fleets (default 60, ${DEVICES_MIN} to ${DEVICES_MAX}; more take longer)
  --help        this text

Two fleets, one with Mooring and one without, meet the same faults: a server is killed, a server is
drained. All processes are real, the client is the real Baileys; WhatsApp is simulated and counts
conflicts and overlaps. Logs are in .mooring/logs. Ctrl-C ends it at any time.

The exit code is 0 when Mooring had neither conflict nor overlap and all its devices were connected
at the end, else 1.
`

/** @returns undefined when help is asked for
 *  @throws Error with a sentence for the person at the terminal */
export function readDemoOptions(args: string[]): DemoOptions | undefined {
  const { values } = parseArgs({
    args,
    options: {
      devices: { type: 'string', default: '60' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return undefined
  const devices = Number(values.devices)
  if (!Number.isInteger(devices) || devices < DEVICES_MIN || devices > DEVICES_MAX) {
    throw new Error(
      `--devices is a whole number from ${DEVICES_MIN} to ${DEVICES_MAX}, not ${values.devices}`,
    )
  }
  return { devices }
}
