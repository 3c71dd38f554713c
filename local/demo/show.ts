/** The parts of an act that both fleets share: showing the fleet, and striking it with a fault. */
import { inParallel } from '../../core/parallel.ts'
import { drawFleet, inOneLine } from './drawing.ts'
import type { Stage } from './stage.ts'
import type { Scoreboard, StagedFleet } from './staged-fleet.ts'
import type { Act } from './tally.ts'
import type { Undo } from './undo.ts'
import { pause, type Wait, waitFor } from './waiting.ts'

/** The longest time from a signal to the end of the process. */
const EXIT_MS_MAX = 30_000
const JOIN_MS_MAX = 30_000
/** How long after its end a killed server is replaced, the same in both fleets. */
const REPLACED_AFTER_MS = 2000
/** Time for a person to read the table before the fault. */
const READ_MS = 2000

export interface Show extends Wait {
  readonly stage: Stage
  readonly undo: Undo
  readonly devices: number
  readonly logDir: string
}

/** A fresh device makes and uploads some 800 keys at its first login, and this machine may be slow. */
export function pairMsMax({ devices }: Show): number {
  return 30_000 + 1000 * devices
}

/** Shows the fleet, and below it the present `status`. */
export function showFleet({ stage }: Show, board: Scoreboard, status: () => string): void {
  stage.show((canvas) => {
    const view = board.view()
    return { lines: ['', ...drawFleet(view, canvas)], inOneLine: inOneLine(view), status: status() }
  })
}

export interface Fault {
  readonly victim: string
  readonly signal: NodeJS.Signals
  readonly replacement: string
  /** As in ECS: a deployment replaces a server before it ends, an unexpected end is replaced soon after. */
  readonly replaced: 'beforehand' | 'afterwards'
  /** Waits until the fleet has recovered from the fault. */
  readonly aftermath: (tell: (status: string) => void) => Promise<void>
}

/** Ends a server, starts another in its place, and waits for the aftermath. */
export async function strike(show: Show, fleet: StagedFleet, board: Scoreboard, fault: Fault): Promise<Act> {
  const { victim, signal, replacement, replaced, aftermath } = fault
  const announced = `${signal} goes to ${victim} in a moment`
  let status = replaced === 'beforehand' ? `${replacement} starts` : announced
  const tell = (text: string) => {
    status = text
  }
  showFleet(show, board, () => status)
  if (replaced === 'beforehand') {
    await fleet.startServer(replacement)
    await joined(show, fleet, replacement)
  }
  tell(announced)
  await pause(show, READ_MS)
  tell(`${victim} has got ${signal}`)
  fleet.signal(victim, signal)
  await waitFor(show, `the end of ${victim}`, EXIT_MS_MAX, async () => {
    await fleet.look()
    return fleet.hasExited(victim)
  })
  const replace = async () => {
    if (replaced === 'beforehand') return
    await pause(show, REPLACED_AFTER_MS)
    await fleet.startServer(replacement)
  }
  // Even after an error both must end before the clean-up, or a server that is just starting would be left
  // behind.
  await inParallel([replace, () => aftermath(tell)], 2, (work) => work())
  show.stage.settle()
  return board.endAct()
}

export async function joined(show: Show, fleet: StagedFleet, name: string): Promise<void> {
  await waitFor(show, `${name} to join`, JOIN_MS_MAX, () => fleet.hasJoined(name))
}
