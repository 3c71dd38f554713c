/**
 * The ownership protocol, on servers: who takes part in the fleet, with how much room, and until when. As in ownership.ts
 * every decision is ONE conditional write on ONE item, one function for each operation of docs/architecture.md. Nothing else
 * in Mooring writes `state`, `beat` or `load`. Lambdas and hosts call it; it must never decide from an index read or from a
 * wall clock.
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

/** Rows of servers that are gone stay this long, so that what was read as dead can still be read as dead. */
const SERVER_ROW_KEPT_SECONDS = 3 * 86_400

export type Joining = Pick<ServerRow, 'serverId' | 'name' | 'url' | 'capacity' | 'taskArn'>

/** First step of a join: the row exists, beats and can be buried, but takes no devices yet. Everybody who finds the
 *  holder of a name can therefore read whether that holder is live. */
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
  if (!put) throw new Error(`server id ${me.serverId} was used before`)
}

/** Second step, for the name and for the URL: at most one live server holds each.
 *  @returns the live server that holds it, or undefined when it is mine now */
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
  // The holder is gone for good, so only another newcomer can change the row before this write.
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

/** Proves that the server lives. The answer carries `state` and `assignmentSeq`.
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

/** Room for `count` devices, before they are claimed. `capacity` never changes in a server's life.
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

/** Sets `load` to the counted number, unless something was assigned or asked since the counting began. */
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

/** Tells the owner to look at its devices: what it must notice has been written to the device's row before. */
export async function raiseAssignmentSeq(store: Store, id: ServerId): Promise<ServerRow | undefined> {
  const row = await store.update(
    'Servers',
    { serverId: id },
    { add: { assignmentSeq: 1 }, when: [stateIsLive] },
  )
  return row as ServerRow | undefined
}

/** Declares a silent server dead, for good.
 *  @param silent the row as it stood unchanged for the bury time on this observer's own monotonic clock, counted from
 *  after the read of it returned
 *  @returns false when it has beaten since, or is gone already */
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

/** Declares a server dead whose process has exited, by the word of whoever ran it (ECS: STOPPED, with an exit code).
 *  @param crashed by an error, or as a process that went wrong: it may have been a device's doing; see suspicion.ts */
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

/** The server's own last words, after it has closed every socket: an error that belongs to no device ends its process.
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

/** No new devices from now on. The server goes on with those that it has, until each is asked to move.
 *  @returns false when it takes no devices yet, or is gone */
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
 *  @returns false when it does not drain, or is on its way out */
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

/** The server is on its way out, by a signal: no new devices, and nothing calls it back. */
export async function setOut(store: Store, me: ServerId): Promise<void> {
  await store.update(
    'Servers',
    { serverId: me },
    { set: { state: 'draining', leaving: true }, when: [stateIsLive] },
  )
}

/** A drained server is on its way out if that is still wanted: from here on its drain cannot be called off.
 *  @returns false when the drain was called off, or shall not end with the server's leaving */
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

/** Removes the name and URL claims of a server that is gone, where they are still its own. */
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
