/** The options of `npm run demo`, and their help. */
import { parseArgs } from 'node:util'

export interface DemoOptions {
  readonly devices: number
}

const DEVICES_MIN = 6
const DEVICES_MAX = 300

export const HELP = `Shows on this machine what Mooring prevents, in about 90 seconds.

  npm run demo -- [options]

  --devices N   devices in each of the two fleets, ${DEVICES_MIN} to ${DEVICES_MAX} (default 60); more take longer
  --help        this text

Two fleets, one with Mooring and one without, meet the same faults: a server is killed, then a server
is drained. The processes and the Baileys client are real. WhatsApp is simulated, and counts conflicts
and overlaps. Logs are in .mooring/logs. Ctrl-C ends the demo at any time.

The exit code is 0 when the fleet with Mooring had no conflict and no overlap, and all its devices were
connected at the end; else it is 1.
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
      `--devices must be a whole number from ${DEVICES_MIN} to ${DEVICES_MAX}, not ${values.devices}`,
    )
  }
  return { devices }
}
