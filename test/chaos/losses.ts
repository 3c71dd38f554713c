/** The losses that the fault of a device has caused others. Servers ended by themselves, or sockets ended
 *  although nothing had struck their device or their server. Pure: the records of WhatsApp, the database
 *  and the chaos go in. */
import { LEAVE_MS_MAX } from '../../local/service.ts'
import type { SaidEnd } from './database-watch.ts'
import { type DeviceStrike, EVERY_SERVER, type ProcessEnd, type Run, type ServerRecord } from './record.ts'
import type { SocketEnd } from './socket-watch.ts'
import { serverOf } from './verdict.ts'

export interface LostServer {
  readonly name: string
  readonly atMs: number
  readonly end: ProcessEnd
}

export interface LostDevice {
  readonly deviceId: string
  readonly atMs: number
  readonly why: string
}

export interface LossEvidence {
  readonly servers: ReadonlyMap<string, ServerRecord>
  readonly deviceStrikes: readonly DeviceStrike[]
  readonly sockets: readonly SocketEnd[]
  readonly saidEnds: readonly SaidEnd[]
  deviceOf(account: string): string | undefined
  ownersBetween(deviceId: string, fromMs: number, untilMs: number): (string | undefined)[]
  nameOf(server: string): string
}

/** Exit codes of hosts/main.ts: the server left in order, or its name was taken, so that it never had a
 *  device. */
const IN_ORDER: readonly (number | null)[] = [0, 4]
/** The server was buried. The chaos has caused the burial when the server had been in trouble. */
const BURIED = 3
/** A trouble that is over may still end sockets of its server for this long: a lease, a burial, and late
 *  requests. */
export const SERVER_AFTERMATH_MS = 15_000
/** A strike that is over may still end a socket that was open under it for this long. A stall that is not the
 *  first is healed after half a minute, and an unanswered ping shows after a minute. */
export const STRIKE_AFTERMATH_MS = 90_000
/** A frame that was sent during a login is read after the login. */
const LOGIN_MS_MAX = 5000
/** A server releases a device right after it has closed its socket. A slow database needs longer. */
const RELEASE_MS_MAX = 10_000
/** WhatsApp's view of an end and the server's word on it are at most this far apart. */
const SAID_MS_MAX = 10_000
/** A frozen server that woke less than this before the SIGKILL had no time to leave. */
const WOKEN_MS_MAX = 2000
const NO_RECORD: ServerRecord = { runs: [], spells: [] }
/** An error in the work of the socket itself. No trouble of its server excuses it. */
const FAULT = /\(950 /

/** Processes that ended although the chaos had not asked for it.
 *  @param hadDevice whether the server of that name was given a device in that time. A server that could not
 *  join was not ended by a device */
export function lostServers(
  servers: LossEvidence['servers'],
  hadDevice: (name: string, fromMs: number, untilMs: number) => boolean,
): LostServer[] {
  return [...servers].flatMap(([name, server]) =>
    server.runs.flatMap((run) =>
      isLost(run, server) && hadDevice(name, run.fromMs, run.untilMs)
        ? [{ name, atMs: run.untilMs, end: run.end }]
        : [],
    ),
  )
}

type Ended = Run & { readonly untilMs: number; readonly end: ProcessEnd }

function isLost(run: Run, { spells }: ServerRecord): run is Ended {
  const { untilMs, end, askedAtMs } = run
  if (untilMs === undefined || end === undefined || askedAtMs !== undefined) return false
  if (IN_ORDER.includes(end.code)) return false
  if (end.signal === 'SIGKILL' && end.stopped && sleptThroughItsStop(spells, untilMs)) return false
  return end.code !== BURIED || !wasTroubled(spells, untilMs)
}

/** Sockets that ended without a cause in the records. */
export function lostDevices(evidence: LossEvidence): LostDevice[] {
  return evidence.sockets.flatMap((socket) => {
    if (socket.wasReplaced || wasStruck(socket, evidence.deviceStrikes)) return []
    const said = saidOf(socket, evidence)
    const { account, label, untilMs: atMs } = socket
    const deviceId = evidence.deviceOf(account) ?? account
    const lost = [{ deviceId, atMs, why: `${label}: ${said ?? 'its server said nothing of it'}` }]
    if (FAULT.test(said ?? '')) return lost
    const names = [evidence.nameOf(serverOf(label)), EVERY_SERVER]
    if (names.some((name) => endedWithServer(evidence.servers.get(name), atMs))) return []
    return wasReleased(socket, deviceId, evidence) ? [] : lost
  })
}

/** A socket that was opened well after a strike has nothing to do with it. */
function wasStruck({ account, fromMs, untilMs }: SocketEnd, strikes: readonly DeviceStrike[]): boolean {
  return strikes.some(
    (strike) =>
      strike.account === account &&
      strike.fromMs <= untilMs &&
      (strike.untilMs ?? untilMs) >= fromMs - LOGIN_MS_MAX &&
      untilMs - (strike.untilMs ?? untilMs) <= STRIKE_AFTERMATH_MS,
  )
}

/** The server was in trouble, or the chaos ended it. A process that ended by itself excuses nothing. */
function endedWithServer({ runs, spells }: ServerRecord = NO_RECORD, atMs: number): boolean {
  const wasAsked = ({ askedAtMs, untilMs = Number.POSITIVE_INFINITY }: Run) =>
    askedAtMs !== undefined && askedAtMs <= atMs && atMs <= untilMs + SERVER_AFTERMATH_MS
  return wasTroubled(spells, atMs) || runs.some(wasAsked)
}

/** The service stops the task of a buried server as ECS does: SIGTERM, then SIGKILL when the process has not
 *  left in time. A frozen process hears the second signal alone, or wakes too late for the first. */
function sleptThroughItsStop(spells: ServerRecord['spells'], killedAtMs: number): boolean {
  return spells.some(
    ({ what, fromMs, untilMs = Number.POSITIVE_INFINITY }) =>
      what === 'frozen' && fromMs <= killedAtMs - LEAVE_MS_MAX && killedAtMs <= untilMs + WOKEN_MS_MAX,
  )
}

function wasTroubled(spells: ServerRecord['spells'], atMs: number): boolean {
  return spells.some(
    ({ fromMs, untilMs = Number.POSITIVE_INFINITY }) =>
      fromMs <= atMs && atMs <= untilMs + SERVER_AFTERMATH_MS,
  )
}

/** True also when the same server got the device again at once. */
function wasReleased(
  { label, untilMs }: SocketEnd,
  deviceId: string,
  { ownersBetween }: LossEvidence,
): boolean {
  const server = serverOf(label)
  return ownersBetween(deviceId, untilMs, untilMs + RELEASE_MS_MAX).some((owner) => owner !== server)
}

/** A word from before the socket's login is about the socket before it. */
function saidOf(
  { account, label, fromMs, untilMs }: SocketEnd,
  { saidEnds, deviceOf }: LossEvidence,
): string | undefined {
  const [device, server] = [deviceOf(account), serverOf(label)]
  const apartMs = ({ atMs }: SaidEnd) => Math.abs(atMs - untilMs)
  return saidEnds
    .filter((said) => said.deviceId === device && said.server === server)
    .filter((said) => said.atMs >= fromMs && apartMs(said) <= SAID_MS_MAX)
    .sort((one, other) => apartMs(one) - apartMs(other))[0]?.why
}
