/**
 * The ownership protocol, for servers: which servers are in the fleet, with how much room, and until when. As
 * in ownership.ts, each function is one operation of docs/protocol.md: ONE conditional write on ONE item.
 * Nothing else in Mooring writes `state`, `beat` or `load`. Lambdas and hosts call it. It must never decide
 * from an index read or from a wall clock.
 */

import { type Clock, expiresInSeconds } from '../clock.ts'
import { MooringError } from '../errors.ts'
import type { DeviceId, ServerId } from '../ids.ts'
import {
  asServer,
  type HoldRow,
  isLive,
  LIVE_STATES,
  type ServerItem,
  type ServerRow,
} from '../store/server-row.ts'
import { type Store, scanAll, when } from '../store/store.ts'

const server = when<ServerItem>()
export const stateIsLive = server.any(...LIVE_STATES.map((state) => server.equals('state', state)))

/** The row of a server that is gone stays this long, so that a server read as dead can still be read as
 *  dead. */
const SERVER_ROW_KEPT_SECONDS = 3 * 86_400

export type Joining = Pick<ServerRow, 'serverId' | 'name' | 'url' | 'capacity' | 'taskArn'>

/** First step of a join: the row exists, and the server beats and can be buried, but takes no devices yet.
 *  The row comes before the name, so that any reader of a name's holder can see whether that holder is
 *  live. */
export async function announce(store: Store, clock: Clock, me: Joining): Promise<void> {
  const row: ServerItem = {
    ...me,
    state: 'joining',
    beat: 0,
    load: 0,
    assignmentSeq: 0,
    connected: 0,
    ...stamp(clock),
  }
  const put = await store.put('Servers', { ...row, joinedAt: clock.wallMs() }, [server.absent('serverId')])
  if (!put) throw new Error(`server id "${me.serverId}" was used before`)
}

/** Second step of a join, for the name and for the URL: at most one live server holds each.
 *  @returns the live server that holds it, or undefined when `me` holds it now */
export async function hold(
  store: Store,
  kind: 'name' | 'url',
  value: string,
  me: ServerId,
): Promise<ServerRow | undefined> {
  const key = { serverId: `${kind}#${value}` as ServerId }
  const mine = { set: { heldBy: me } }
  const free = server.any(server.absent('heldBy'), server.equals('heldBy', me))
  if (await store.update('Servers', key, { ...mine, when: [free] })) return undefined
  const holder = (await store.get('Servers', key))?.heldBy
  if (!holder) return hold(store, kind, value, me)
  const holding = asServer(await store.get('Servers', { serverId: holder }))
  if (holding && isLive(holding)) return holding
  // The holder is gone for good: only another newcomer can change the row before this write.
  const taken = await store.update('Servers', key, { ...mine, when: [server.equals('heldBy', holder)] })
  return taken ? undefined : hold(store, kind, value, me)
}

/** Last step of a join: from now on reservations are accepted.
 *  @throws MooringError SERVER_DEAD when it was buried while joining */
export async function activate(store: Store, me: ServerId): Promise<ServerRow> {
  const active = await store.update(
    'Servers',
    { serverId: me },
    {
      set: { state: 'active' },
      when: [server.any(server.equals('state', 'joining'), server.equals('state', 'active'))],
    },
  )
  if (!active) throw new MooringError('SERVER_DEAD', `server "${me}" was buried before it had joined`)
  return active as ServerRow
}

/** Proves that the server lives. The row that it returns carries `state` and `assignmentSeq`.
 *  @param waiting connects that wait for their turn
 *  @returns undefined when the row is gone or `dead`: the server must close every socket at once */
export async function beat(
  store: Store,
  clock: Clock,
  me: ServerId,
  connected: number,
  waiting = 0,
): Promise<ServerRow | undefined> {
  const row = await store.update(
    'Servers',
    { serverId: me },
    {
      add: { beat: 1 },
      set: { connected, waiting, ...stamp(clock) },
      when: [server.present('state'), server.differs('state', 'dead')],
    },
  )
  return row as ServerRow | undefined
}

/** Takes room for `count` devices before they are claimed. `capacity` never changes in a server's life.
 *  @returns false when the server takes no devices or has no room */
export async function reserve(store: Store, room: Pick<ServerRow, 'serverId' | 'capacity'>, count: number) {
  const reserved = await store.update(
    'Servers',
    { serverId: room.serverId },
    {
      add: { load: count, assignmentSeq: 1 },
      when: [server.equals('state', 'active'), server.atMost('load', room.capacity - count)],
    },
  )
  return reserved !== undefined
}

/** Gives room back: for a device that was released, or for a reservation that was not used. */
export async function unreserve(store: Store, id: ServerId, count: number): Promise<void> {
  await store.update(
    'Servers',
    { serverId: id },
    { add: { load: -count }, when: [server.atLeast('load', count)] },
  )
}

/** Sets `load` to the counted number, unless a device was assigned or a request was made since the
 *  counting began. */
export async function correctLoad(store: Store, counted: ServerRow, owned: number): Promise<boolean> {
  const corrected = await store.update(
    'Servers',
    { serverId: counted.serverId },
    {
      set: { load: owned },
      when: [server.equals('assignmentSeq', counted.assignmentSeq), server.equals('load', counted.load)],
    },
  )
  return corrected !== undefined
}

/** Makes the server look at its devices. The caller has written the device's row before, or the server
 *  would find nothing new. */
export async function raiseAssignmentSeq(store: Store, id: ServerId): Promise<ServerRow | undefined> {
  const row = await store.update(
    'Servers',
    { serverId: id },
    { add: { assignmentSeq: 1 }, when: [stateIsLive] },
  )
  return row as ServerRow | undefined
}

/** Declares a silent server dead, for good.
 *  @param silent the row as this observer has seen it, unchanged for the bury time. The
 *  observer's own monotonic clock measures the time, from the return of the first read of that beat
 *  @returns false when the server has beaten since, or is gone already */
export async function bury(store: Store, silent: ServerRow): Promise<boolean> {
  const buried = await store.update(
    'Servers',
    { serverId: silent.serverId },
    {
      set: { state: 'dead', stateReason: `silent since beat ${silent.beat}` },
      when: [server.equals('beat', silent.beat), stateIsLive],
    },
  )
  if (buried) await releaseNames(store, silent)
  return buried !== undefined
}

/** Declares a server dead because its process has exited. The service that ran it says so (ECS: STOPPED,
 *  with an exit code).
 *  @param crashed an error ended it, or the process went wrong. A device may have caused that: see
 *  suspicion.ts */
export async function buryExited(
  store: Store,
  exited: ServerRow,
  why: string,
  crashed = false,
): Promise<boolean> {
  const buried = await store.update(
    'Servers',
    { serverId: exited.serverId },
    {
      set: { state: 'dead', stateReason: why, ...(crashed ? { crashed } : {}) },
      when: [stateIsLive],
    },
  )
  if (buried) await releaseNames(store, exited)
  return buried !== undefined
}

/** The server declares itself dead, after it has closed every socket. An error that belongs to no device has
 *  ended its process.
 *  @param suspects the devices that it was at work for, if it can tell */
export async function crash(
  store: Store,
  me: Pick<ServerRow, 'serverId' | 'name' | 'url'>,
  why: string,
  suspects: readonly DeviceId[] | undefined,
): Promise<void> {
  const buried = await store.update(
    'Servers',
    { serverId: me.serverId },
    {
      set: { state: 'dead', stateReason: why, crashed: true, suspects },
      when: [stateIsLive],
    },
  )
  if (buried) await releaseNames(store, me)
}

/** The server takes no new devices from now on. It keeps the devices that it has, until each is asked to
 *  move.
 *  @returns false when the server takes no devices yet, or is gone */
export async function drain(store: Store, id: ServerId, stateReason?: string): Promise<boolean> {
  const draining = await store.update(
    'Servers',
    { serverId: id },
    {
      set: { state: 'draining', stateReason },
      when: [server.any(server.equals('state', 'active'), server.equals('state', 'draining'))],
    },
  )
  return draining !== undefined
}

/** Calls a drain off: the server takes devices again.
 *  @returns false when the server is not draining, or has begun to leave */
export async function resume(store: Store, id: ServerId): Promise<boolean> {
  const active = await store.update(
    'Servers',
    { serverId: id },
    {
      set: { state: 'active' },
      remove: ['stateReason', 'thenLeave'],
      when: [server.equals('state', 'draining'), server.absent('leaving')],
    },
  )
  return active !== undefined
}

/** The server begins to leave, because of a signal. It takes no new devices, and nothing can call that
 *  off. */
export async function setOut(store: Store, me: ServerId): Promise<void> {
  await store.update(
    'Servers',
    { serverId: me },
    { set: { state: 'draining', leaving: true }, when: [stateIsLive] },
  )
}

/** A drained server begins to leave, if the drain still asks for that. From here on its drain cannot be
 *  called off.
 *  @returns false when the drain was called off, or does not ask the server to leave */
export async function setOutDrained(store: Store, me: ServerId): Promise<boolean> {
  const out = await store.update(
    'Servers',
    { serverId: me },
    {
      set: { state: 'draining', leaving: true },
      when: [server.equals('state', 'draining'), server.equals('thenLeave', true)],
    },
  )
  return out !== undefined
}

/** The server has closed every socket and leaves. */
export async function leave(store: Store, me: Pick<ServerRow, 'serverId' | 'name' | 'url'>): Promise<void> {
  const left = await store.update(
    'Servers',
    { serverId: me.serverId },
    {
      set: { state: 'stopped', stateReason: 'left' },
      when: [stateIsLive],
    },
  )
  if (left) await releaseNames(store, me)
}

/** Frees the name and the URL of a server that is gone, if it still holds them. */
async function releaseNames(store: Store, gone: Pick<ServerRow, 'serverId' | 'name' | 'url'>): Promise<void> {
  const mine = [server.equals('heldBy', gone.serverId)]
  for (const key of [`name#${gone.name}`, `url#${gone.url}`] as HoldRow['serverId'][]) {
    await store.remove('Servers', { serverId: key }, mine)
  }
}

function stamp(clock: Clock): Pick<ServerRow, 'beatAt' | 'expiresAt'> {
  const now = clock.wallMs()
  return { beatAt: now, expiresAt: expiresInSeconds(now, SERVER_ROW_KEPT_SECONDS) }
}

/** Every server that has a row, by consistent reads. */
export async function listServers(store: Store): Promise<ServerRow[]> {
  const items = await scanAll(store, 'Servers')
  return items.flatMap((item) => asServer(item) ?? [])
}
