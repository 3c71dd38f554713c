/** `mooring watch`: the fleet, drawn again in place until Ctrl-C. */
import type { FleetAnswer } from '../lambdas/api/routes/fleet.ts'
import { Refused, Unreachable } from './failures.ts'
import { drawFleet, fleetInOneLine } from './fleet-drawing.ts'
import { type Line, painted } from './lines.ts'
import { type CliWorld, pause } from './world.ts'

const LOOK_EVERY_MS = 2000
/** The API fails for some looks while the control plane is deployed. A longer failure ends the command. */
const MISSED_LOOKS_MAX = 30

export interface WatchOptions {
  /** How many looks to make; without it there is no end. */
  readonly count?: number
}

export async function watch(
  world: CliWorld,
  { count = Number.POSITIVE_INFINITY }: WatchOptions,
): Promise<void> {
  let missed = 0
  let before: FleetAnswer | undefined
  try {
    for (let looks = 1; ; looks++) {
      try {
        before = await world.api.get<FleetAnswer>('/fleet')
        missed = 0
        show(world, before)
      } catch (error) {
        if (!before || !isPassing(error) || ++missed > MISSED_LOOKS_MAX) throw error
        show(world, before, error.message)
      }
      if (looks >= count) return
      await pause(world, LOOK_EVERY_MS)
    }
  } finally {
    world.terminal.settle()
  }
}

function isPassing(error: unknown): error is Refused | Unreachable {
  return error instanceof Unreachable || (error instanceof Refused && /^(STORE_BUSY|HTTP_5)/.test(error.code))
}

function show({ api, terminal, json, command }: CliWorld, fleet: FleetAnswer, trouble?: string): void {
  if (json) {
    if (trouble === undefined) terminal.printJson(fleet)
    return
  }
  if (!terminal.isInteractive) {
    terminal.print(trouble ?? fleetInOneLine(fleet))
    return
  }
  const head = [painted('bold', 'Mooring'), ` at ${api.url}   ${fleet.at.slice(11, 19)} UTC   Ctrl-C ends`]
  const lines: Line[] = [
    head,
    ...(trouble ? [painted('red', trouble)] : []),
    '',
    ...drawFleet(fleet, terminal.columns()),
  ]
  terminal.draw(cut(lines, terminal.rows() - 1, command))
}

/** Cuts a picture that is higher than the terminal, because it could not be drawn in place. */
function cut(lines: readonly Line[], rows: number, command: string): readonly Line[] {
  if (lines.length <= rows) return lines
  return [
    ...lines.slice(0, Math.max(1, rows - 1)),
    `... ${lines.length - rows + 1} more lines: ${command} fleet`,
  ]
}
