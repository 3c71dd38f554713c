/** The first three acts: a fleet with Mooring starts, loses a server, and drains another. */
import { inParallel } from '../../core/parallel.ts'
import { startFleet } from '../fleet.ts'
import { deviceIds } from './device-ids.ts'
import { counted } from './drawing.ts'
import { type MooringFleet, stageMooring } from './mooring-fleet.ts'
import { type Fault, joined, pairMsMax, type Show, showFleet, strike } from './show.ts'
import { type Scoreboard, scoreboard } from './staged-fleet.ts'
import { gapText } from './summary.ts'
import type { Act, Outcome } from './tally.ts'
import { pause, waitFor } from './waiting.ts'

const SERVERS = 3
const RECOVER_MS_MAX = 45_000
/** How long the fleet is watched after all devices are connected again, to catch a late conflict. */
const WATCH_MS = 3000
const QR_AGAIN_MS = 600
/** How many devices an error names when not all connect. */
const NAMED_MAX = 3
/** Devices paired at the same time. */
const LANES = 16

export async function playMooring(show: Show): Promise<Outcome> {
  const { stage, devices } = show
  stage.title('1/6  With Mooring: a fleet starts')
  stage.say(
    `Three servers start. The API registers ${devices} devices, and simulated phones scan their QR codes. One ` +
      'conditional write gives each device one owner, and only the owner may open its socket.',
  )
  const fleet = await stage.during('database, control plane and servers start', startMooring(show))
  const board = scoreboard(fleet)
  await pairAll(show, fleet, board)
  const start = board.endAct()

  stage.title('2/6  With Mooring: a server is killed')
  stage.say(
    'Server "server-2" gets SIGKILL: no goodbye, no cleanup. Its devices must connect on other servers, and none may ' +
      'ever have two sockets. A new server starts in its place two seconds later.',
  )
  const killed = await lose(show, fleet, board, {
    victim: 'server-2',
    signal: 'SIGKILL',
    replacement: 'server-4',
    replaced: 'afterwards',
  })

  stage.title('3/6  With Mooring: a server is drained')
  stage.say(
    'Server "server-5" joins, then server "server-3" gets SIGTERM, as in every deployment. It closes each socket, ' +
      'releases the device and asks for another server for it, so that no device has to wait for a timeout.',
  )
  const drained = await lose(show, fleet, board, {
    victim: 'server-3',
    signal: 'SIGTERM',
    replacement: 'server-5',
    replaced: 'beforehand',
  })
  return { start, killed, drained, devices, connectedAtEnd: board.connected() }
}

async function startMooring(show: Show): Promise<MooringFleet> {
  const { undo, logDir, devices } = show
  const local = await startFleet({ servers: SERVERS, logDir })
  undo.add(() => local.close())
  if (!local.simulator) throw new Error('the fleet runs without a simulator')
  return stageMooring(local, local.simulator, devices)
}

async function pairAll(show: Show, fleet: MooringFleet, board: Scoreboard): Promise<void> {
  let status = 'the servers join'
  showFleet(show, board, () => status)
  for (const { name } of fleet.servers()) await joined(show, fleet, name)
  const linked = inParallel(deviceIds(show.devices), LANES, (id) => link(show, fleet, id))
  const connected = waitFor(
    show,
    () => missing(fleet),
    pairMsMax(show),
    async () => {
      await fleet.look()
      status = `${fleet.simulator.report().pairings} of ${show.devices} QR codes scanned`
      return board.connected() === show.devices
    },
  )
  await Promise.all([linked, connected])
  show.stage.settle()
}

/** The devices that are not connected yet, and why. */
function missing(fleet: MooringFleet): string {
  const waitingFor = fleet.notConnected()
  const some = waitingFor
    .slice(0, NAMED_MAX)
    .map(({ deviceId, explanation }) => `${deviceId} (${explanation})`)
  return `${counted(waitingFor.length, 'device')} to connect: ${some.join(', ')}`
}

/** Registers a device, reads its QR from the API as soon as there is one, and lets a phone scan it. */
async function link(show: Show, { api, simulator }: MooringFleet, deviceId: string): Promise<void> {
  await api.register(deviceId, `The phone of ${deviceId}`)
  let qr: string | undefined
  await waitFor(show, `a QR code of ${deviceId}`, pairMsMax(show), async () => {
    qr = await api.qr(deviceId)
    if (qr === undefined) await pause(show, QR_AGAIN_MS)
    return qr !== undefined
  })
  if (qr !== undefined) await simulator.scanQr(qr)
}

async function lose(
  show: Show,
  fleet: MooringFleet,
  board: Scoreboard,
  fault: Omit<Fault, 'aftermath'>,
): Promise<Act> {
  const { victim, replacement } = fault
  const isRecovered = async () => {
    await fleet.look()
    const servers = fleet.servers()
    const lost = servers.find(({ name }) => name === victim)
    const fresh = servers.find(({ name }) => name === replacement)
    return lost?.devices === 0 && fresh?.state === 'active' && board.connected() === show.devices
  }
  const act = await strike(show, fleet, board, {
    ...fault,
    async aftermath(tell) {
      tell(`the devices of ${victim} move`)
      await waitFor(show, () => missing(fleet), RECOVER_MS_MAX, isRecovered)
      tell('all devices are connected again; is there a late conflict?')
      await pause(show, WATCH_MS)
    },
  })
  const { gaps, overlaps, conflicts } = act
  show.stage.verdict(
    overlaps + conflicts === 0,
    `${counted(gaps.count, 'device')} moved; seconds without a socket (p50 / p99 / max): ${gapText(gaps)}. ` +
      `${counted(overlaps, 'overlap')}, ${counted(conflicts, 'conflict')}.`,
  )
  return act
}
