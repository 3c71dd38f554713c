/** Explains to the operator, in words, why a device is not connected. Pure: it reads rows and decides
 *  nothing. Each sentence says what is, why, and what happens next. */

import { ALONE_FROM_POINTS } from '../../../core/protocol/suspicion.ts'
import { type DeviceRow, saysToStart } from '../../../core/store/device-row.ts'
import { isLive, type ServerRow } from '../../../core/store/server-row.ts'
import { isoTime } from '../schemas.ts'

/** Facts besides the device's row. A fact that the caller did not read is absent. */
export interface Circumstances {
  readonly nowMs: number
  /** A server that has not beaten for this long has closed every socket. */
  readonly fenceAfterMs: number
  readonly owner?: ServerRow | undefined
  readonly room?: Room
  /** The time of the last look. Undefined when no sweep has ever looked, absent when
   *  the caller did not read it. */
  readonly sweptAt?: number | undefined
}

/** How full the active servers are. */
export interface Room {
  readonly active: number
  readonly withRoom: number
  readonly load: number
  readonly capacity: number
}

/** A stall is still shown for this long after its end. */
const STALL_TOLD_MS = 60 * 60_000
/** The sweep writes every 5 s that it has looked, and a look may take some seconds. */
const SWEEP_MISSED_MS = 30_000

export function roomIn(servers: readonly ServerRow[]): Room {
  const active = servers.filter(({ state }) => state === 'active')
  return {
    active: active.length,
    withRoom: active.filter(({ load, capacity }) => load < capacity).length,
    load: active.reduce((sum, { load }) => sum + load, 0),
    capacity: active.reduce((sum, { capacity }) => sum + capacity, 0),
  }
}

/** Compares two wall clocks, the server's and this one, so it is good enough only for people. */
export function isSilent({ beatAt }: ServerRow, nowMs: number, fenceAfterMs: number): boolean {
  return nowMs - beatAt > fenceAfterMs
}

/** @returns undefined when the device is connected and has not stalled lately */
export function explain(row: DeviceRow, known: Circumstances): string | undefined {
  const { owner, nowMs, fenceAfterMs } = known
  if (row.deleting) {
    return row.owner
      ? 'it is being deleted: its server closes its socket and releases it'
      : 'it is being deleted: its stored data is being removed'
  }
  if (row.owner && owner && !isLive(owner)) return whyGone(owner, known)
  if (row.owner && owner && isSilent(owner, nowMs, fenceAfterMs)) return whySilent(owner, known)
  if (row.desired === 'stopped') return whyStopped(row)
  if (row.moveTo && row.owner) return whyMoving(row, owner)
  return whyByStatus(row, owner?.name ?? row.owner, known)
}

function whyGone({ name, stateReason }: ServerRow, known: Circumstances): string {
  const because = stateReason ? ` (${stateReason})` : ''
  const next = 'the next look of the sweep moves the device to another server'
  return `its server "${name}" is gone${because}; ${next}${sweepMissed(known)}`
}

function whySilent({ name, beatAt }: ServerRow, known: Circumstances): string {
  return (
    `its server "${name}" has been silent since ${isoTime(beatAt)} and has closed its sockets; ` +
    `either the server beats again and reconnects the device, ` +
    `or the sweep buries the server and moves the device to another one${sweepMissed(known)}`
  )
}

function whyStopped(row: DeviceRow): string {
  const because = row.statusReason ? `: ${row.statusReason}` : ''
  if (row.importing) return 'its credentials are being imported; if the import has ended early, run it again'
  if (row.owner) return `it is being stopped${because}; its server closes its socket`
  if (row.status === 'conflicted') {
    const since = isoTime(row.conflicts?.at(-1) ?? row.updatedAt)
    return `it has been conflicted since ${since}${because}; end that client, then start the device`
  }
  if (row.status === 'logged_out') return `it is logged out${because}; start it to link it again`
  return `it is stopped${because}${saysToStart(row.statusReason) ? '' : '; start it to connect it'}`
}

function whyMoving({ moveTo, owner: ownerId }: DeviceRow, owner: ServerRow | undefined): string {
  const drains = owner?.state === 'draining' ? ' drains and' : ''
  const target = moveTo === 'any' ? 'another server' : `server "${moveTo}"`
  return `its server "${owner?.name ?? ownerId}"${drains} is asked to release it, so that it can move to ${target}`
}

function whyByStatus(row: DeviceRow, server: string | undefined, known: Circumstances): string | undefined {
  switch (row.status) {
    case 'connected':
      return whyStalled(row, known)
    case 'unassigned':
      return `${whyUnassigned(row, known)}${alsoRefused(row, known)}`
    case 'assigned':
      if (isRefused(row, known)) return `server "${server}" has it${alsoRefused(row, known)}`
      return whySuspected(row, server) ?? waitsForTurn(server, known) ?? 'its server is about to connect it'
    case 'pairing':
      return whyPairing(row, known)
    case 'connecting':
      return `its server is connecting it${afterStall(row)}`
    case 'disconnected':
      return whyDisconnected(row, server, known)
    case 'quarantined':
      return whyQuarantined(row)
    default:
      return `it is ${row.status.replace('_', ' ')}${row.statusReason ? `: ${row.statusReason}` : ''}`
  }
}

function whyQuarantined({ quarantinedAt, updatedAt, statusReason }: DeviceRow): string {
  const since = isoTime(quarantinedAt ?? updatedAt)
  return `it has been quarantined since ${since}: ${statusReason}; no server gets it until you start it`
}

/** A stall without an end: its socket was closed for it, and the next socket has not logged in yet. */
function afterStall({ stall }: DeviceRow): string {
  if (!stall || stall.endedAt !== undefined) return ''
  return ` again, because its last socket had been stalled since ${isoTime(stall.since)}: ${stall.why}`
}

/** @returns undefined when the device has not stalled lately */
function whyStalled({ stall, statusReason }: DeviceRow, { nowMs }: Circumstances): string | undefined {
  if (!stall) return undefined
  const { since, at, endedAt, why } = stall
  if (endedAt === undefined && statusReason !== undefined) {
    return `it is connected, but has been stalled since ${isoTime(since)}: ${why}; its server replaces the socket`
  }
  if (nowMs - (endedAt ?? at) > STALL_TOLD_MS) return undefined
  return `it is connected; it was stalled from ${isoTime(since)} to ${isoTime(endedAt ?? at)}: ${why}`
}

function whyUnassigned({ statusReason }: DeviceRow, known: Circumstances): string {
  const { room } = known
  if (room?.active === 0) return 'no server is active; it gets a server as soon as one has joined'
  if (room?.withRoom === 0) {
    const servers = room.active === 1 ? '1 active server holds' : `${room.active} active servers hold`
    const held = `${servers} ${room.load} of ${room.capacity} devices`
    return `no server has room: ${held}; it gets a server as soon as there is room`
  }
  const because = statusReason ? ` (${statusReason})` : ''
  const next = 'the next look of the sweep gives it a server with room'
  return `it waits for a server${because}; ${next}${sweepMissed(known)}`
}

function whyPairing({ pairing }: DeviceRow, { nowMs }: Circumstances): string {
  if (!pairing || pairing.expiresAt <= nowMs)
    return 'it waits to be linked: its server is about to get a QR code'
  const how = pairing.code ? 'type its pairing code into the phone' : 'scan its QR code'
  return `it waits to be linked: ${how}, which is valid until ${isoTime(pairing.expiresAt)}`
}

function whyDisconnected(row: DeviceRow, server: string | undefined, known: Circumstances): string {
  const { statusReason, retryAt = 0, conflicts = [] } = row
  const because = statusReason ? `: ${statusReason}` : ''
  const last = conflicts.at(-1)
  const lately =
    last === undefined ? '' : `; ${conflicts.length} recent conflicts, the last at ${isoTime(last)}`
  const next =
    retryAt > known.nowMs
      ? `server "${server}" waits until ${isoTime(retryAt)} and then tries again`
      : (waitsForTurn(server, known) ?? `server "${server}" is about to try again`)
  return `it has no socket${because}${lately}; ${next}`
}

function isRefused({ refusedUntil = 0 }: DeviceRow, { nowMs }: Circumstances): boolean {
  return refusedUntil > nowMs
}

/** For a device whose status does not show the refusal: every server keeps to it, also
 *  one that just got the device. */
function alsoRefused(row: DeviceRow, known: Circumstances): string {
  if (!isRefused(row, known)) return ''
  const why = row.refusal ? `: ${row.refusal.why}` : ''
  return `; WhatsApp lets it log in no sooner than ${isoTime(row.refusedUntil ?? 0)}${why}`
}

function whySuspected({ suspicion = 0 }: DeviceRow, server: string | undefined): string | undefined {
  if (suspicion < ALONE_FROM_POINTS) return undefined
  return `it may have ended its last servers: server "${server}" waits until it can connect it as its only suspect`
}

function waitsForTurn(server: string | undefined, { owner }: Circumstances): string | undefined {
  if (!owner?.waiting) return undefined
  const connects = owner.waiting === 1 ? '1 connect waits' : `${owner.waiting} connects wait`
  return `it waits for its turn at server "${server}" (${connects} there)`
}

/** Added where the next step is the sweep's, and only if the caller has read the time of its last look. */
function sweepMissed(known: Circumstances): string {
  if (!('sweptAt' in known)) return ''
  const { sweptAt, nowMs } = known
  if (sweptAt === undefined) return '; but no sweep has looked yet: is the sweep running?'
  return nowMs - sweptAt > SWEEP_MISSED_MS
    ? `; but no sweep has looked since ${isoTime(sweptAt)}: is the sweep running?`
    : ''
}
