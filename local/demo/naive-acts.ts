/** Acts four to six: the same faults strike a fleet without Mooring. */
import { deviceIds } from './device-ids.ts'
import { counted } from './drawing.ts'
import { type NaiveFleet, prepareNaiveFleet } from './naive-fleet.ts'
import { type Fault, joined, pairMsMax, type Show, showFleet, strike } from './show.ts'
import { type Scoreboard, scoreboard } from './staged-fleet.ts'
import { gapText } from './summary.ts'
import type { Act, Outcome } from './tally.ts'
import { pause, waitFor } from './waiting.ts'

const NAMES = ['naive-1', 'naive-2', 'naive-3'] as const
const CONNECT_MS_MAX = 40_000
/** Long enough for the heartbeat to become stale and for the other servers to take over, and some seconds to
 *  watch. */
const AFTERMATH_MS = 14_000

export async function playNaive(show: Show): Promise<Outcome> {
  const { stage, devices } = show
  stage.title('4/6  Without Mooring: a fleet starts')
  stage.say(
    'Now a fleet as it is often written. Each server reads a shared table. When it sees a device without a living ' +
      'owner, it writes itself into the row and connects. The fleet has heartbeats, jitter and the same client; its ' +
      'devices are paired beforehand and shared out evenly.',
  )
  const plan = { deviceIds: deviceIds(devices), names: NAMES, logDir: show.logDir }
  const fleet = await stage.during(
    'a fresh WhatsApp and a fresh database start',
    prepareNaiveFleet(plan, show.undo),
  )
  const board = scoreboard(fleet)
  await pairAndStart(show, fleet, board)
  const start = board.endAct()

  stage.title('5/6  Without Mooring: a server is killed')
  stage.say(
    'Server "naive-2" gets SIGKILL. After six seconds its heartbeat is stale, and all other servers see the same ' +
      'devices become free at the same time.',
  )
  const killed = await lose(show, fleet, board, {
    victim: 'naive-2',
    signal: 'SIGKILL',
    replacement: 'naive-4',
    replaced: 'afterwards',
  })

  stage.title('6/6  Without Mooring: a server is drained')
  stage.say(
    'Server "naive-5" starts, then server "naive-3" gets SIGTERM and exits. No other server notices before ' +
      'its heartbeat is stale.',
  )
  const drained = await lose(show, fleet, board, {
    victim: 'naive-3',
    signal: 'SIGTERM',
    replacement: 'naive-5',
    replaced: 'beforehand',
  })
  return { start, killed, drained, devices, connectedAtEnd: board.connected() }
}

async function pairAndStart(show: Show, fleet: NaiveFleet, board: Scoreboard): Promise<void> {
  const { simulator } = fleet
  const pairing = await fleet.startPairing()
  let status = ''
  showFleet(show, board, () => status)
  await waitFor(show, 'the pairing of the naive fleet', pairMsMax(show), () => {
    status = `${simulator.report().pairings} of ${show.devices} devices paired`
    return pairing.hasExited()
  })
  if ((await pairing.exited) !== 0)
    throw new Error(`the devices of the naive fleet were not paired: see ${show.logDir}/naive-pairing.log`)
  simulator.resetReport()

  status = 'the servers start and connect their devices'
  for (const name of NAMES) await fleet.startServer(name)
  // An owner without a heartbeat would count as dead, and that would be a fault of the demo, not of the naive
  // fleet.
  for (const name of NAMES) await joined(show, fleet, name)
  await fleet.shareOut()
  await waitFor(show, 'the naive fleet to connect', CONNECT_MS_MAX, async () => {
    await fleet.look()
    return board.connected() === show.devices
  })
  show.stage.settle()
}

async function lose(
  show: Show,
  fleet: NaiveFleet,
  board: Scoreboard,
  fault: Omit<Fault, 'aftermath'>,
): Promise<Act> {
  const act = await strike(show, fleet, board, {
    ...fault,
    async aftermath(tell) {
      const begun = show.clock.mark()
      const leftMs = () => AFTERMATH_MS - show.clock.elapsedMs(begun)
      while (leftMs() > 0) {
        tell(`the other servers take the devices of ${fault.victim}; ${Math.ceil(leftMs() / 1000)} s left`)
        await fleet.look()
        await pause(show, 250)
      }
    },
  })
  const { conflicts, struck, overlaps, gaps } = act
  const lost = show.devices - board.connected()
  show.stage.verdict(
    overlaps + conflicts + lost === 0,
    `${counted(conflicts, 'conflict')} on ${counted(struck.length, 'device')}, ${counted(overlaps, 'overlap')}. ` +
      `Seconds without a socket (p50 / p99 / max): ${gapText(gaps)}; ${counted(lost, 'device')} without a socket now.`,
  )
  return act
}
