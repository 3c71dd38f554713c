/** Why a device is not connected, in words for the operator. Pure: it reads rows and decides nothing. */

import { ALONE_FROM_POINTS } from '../../../core/protocol/suspicion.ts'
import { type DeviceRow, saysToStart } from '../../../core/store/device-row.ts'
import { isLive, type ServerRow } from '../../../core/store/server-row.ts'
import { isoTime } from '../schemas.ts'

/** What is known besides the device's row; what nobody looked at is absent. */
export interface Circumstances {
  readonly nowMs: number
  /** A server that has not beaten for so long has closed every socket. */
  readonly fenceAfterMs: number
  readonly owner?: ServerRow | undefined
  readonly room?: Room
  /** When the sweep looked last; absent also when it never did. */
  readonly sweptAt?: number | undefined
}

/** How full the active servers are. */
export interface Room {
  readonly active: number
  readonly withRoom: number
  readonly load: number
  readonly capacity: number
}

/** A stall is worth a look for as long after it is over. */
const STALL_TOLD_MS = 60 * 60_000
/** A sweep says every 5 s that it has looked; a look may take some seconds. */
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

/** By the server's own time of day and this machine's: for people. */
export function isSilent({ beatAt }: ServerRow, nowMs: number, fenceAfterMs: number): boolean {
  return nowMs - beatAt > fenceAfterMs
}

/** @returns undefined when it is connected and has not stalled lately */
export function explain(row: DeviceRow, known: Circumstances): string | undefined {
  const { owner, nowMs, fenceAfterMs } = known
  if (row.deleting) {
    return row.owner
      ? 'it is being deleted: its server closes it and lets go'
      : 'it is being deleted: what it left behind is removed'
  }
  if (row.owner && owner && !isLive(owner)) return whyGone(owner, known)
  if (row.owner && owner && isSilent(owner, nowMs, fenceAfterMs)) return whySilent(owner, known)
  if (row.desired === 'stopped') return whyStopped(row)
  if (row.moveTo && row.owner) return whyMoving(row, owner)
  return whyByStatus(row, owner?.name ?? row.owner, known)
}

function whyGone({ name, stateReason }: ServerRow, known: Circumstances): string {
  const because = stateReason ? ` (${stateReason})` : ''
  return `its server "${name}" is gone${because}; the next look of the sweep moves it to another${sweepMissed(known)}`
}

function whySilent({ name, beatAt }: ServerRow, known: Circumstances): string {
  return (
    `its server "${name}" has been silent since ${isoTime(beatAt)} and has closed its sockets; ` +
    `it goes on when it can beat again, or the sweep buries it and moves the device to another${sweepMissed(known)}`
  )
}

function whyStopped(row: DeviceRow): string {
  const because = row.statusReason ? `: ${row.statusReason}` : ''
  if (row.importing)
    return 'its credentials are being imported; should that have ended early, run the import again'
  if (row.owner) return `it is wanted stopped${because}; its server closes it`
  if (row.status === 'conflicted') {
    const since = isoTime(row.conflicts?.at(-1) ?? row.updatedAt)
    return `it is conflicted since ${since}${because}; end that client, then start it`
  }
  if (row.status === 'logged_out') return `it is logged out${because}; start it to link it anew`
  return `it is stopped${because}${saysToStart(row.statusReason) ? '' : '; start it to connect it'}`
}

function whyMoving({ moveTo, owner: ownerId }: DeviceRow, owner: ServerRow | undefined): string {
  const drains = owner?.state === 'draining' ? ' drains and' : ''
  const target = moveTo === 'any' ? 'another server' : `server "${moveTo}"`
  return `its server "${owner?.name ?? ownerId}"${drains} is asked to let go, so that it can move to ${target}`
}

function whyByStatus(row: DeviceRow, server: string | undefined, known: Circumstances): string | undefined {
  switch (row.status) {
    case 'connected':
      return whyStalled(row, known)
    case 'unassigned':
      return `${whyUnassigned(row, known)}${alsoRefused(row, known)}`
    case 'assigned':
      if (isRefused(row, known)) return `server ${server} has it${alsoRefused(row, known)}`
      return (
        whySuspected(row, server) ??
        waitsForTurn(server, known) ??
        `server "${server}" has it and is about to connect it`
      )
    case 'pairing':
      return whyPairing(row, known)
    case 'connecting':
      return `server "${server}" is connecting it${afterStall(row)}`
    case 'disconnected':
      return whyDisconnected(row, server, known)
    case 'quarantined':
      return `it is quarantined since ${isoTime(row.quarantinedAt ?? row.updatedAt)}: ${row.statusReason}; no server gets it until you start it`
    default:
      return `it is ${row.status.replace('_', ' ')}${row.statusReason ? `: ${row.statusReason}` : ''}`
  }
}

/** Its socket was closed because it had stalled, and the next one has not logged in yet. */
function afterStall({ stall }: DeviceRow): string {
  if (!stall || stall.endedAt !== undefined) return ''
  return `, since its socket had stalled since ${isoTime(stall.since)}: ${stall.why}`
}

/** @returns undefined when it has not stalled lately */
function whyStalled({ stall, statusReason }: DeviceRow, { nowMs }: Circumstances): string | undefined {
  if (!stall) return undefined
  const { since, at, endedAt, why } = stall
  if (endedAt === undefined && statusReason !== undefined) {
    return `it is connected, but stalled since ${isoTime(since)}: ${why}; its server replaces the socket`
  }
  if (nowMs - (endedAt ?? at) > STALL_TOLD_MS) return undefined
  return `it is connected; it was stalled from ${isoTime(since)} to ${isoTime(endedAt ?? at)}: ${why}`
}

function whyUnassigned({ statusReason }: DeviceRow, known: Circumstances): string {
  const { room } = known
  if (room?.active === 0) return 'no server is active; it gets one as soon as one has joined'
  if (room?.withRoom === 0) {
    const servers = room.active === 1 ? '1 active server holds' : `${room.active} active servers hold`
    return `no server has room: ${servers} ${room.load} of ${room.capacity} devices; it gets one as soon as there is room`
  }
  const because = statusReason ? ` (${statusReason})` : ''
  return `it waits for a server${because}; the next look of the sweep gives it one that has room${sweepMissed(known)}`
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
    last === undefined ? '' : `; ${conflicts.length} conflicts lately, the last at ${isoTime(last)}`
  const next =
    retryAt > known.nowMs
      ? `server "${server}" waits until ${isoTime(retryAt)} and then tries again`
      : (waitsForTurn(server, known) ?? `server "${server}" is about to try again`)
  return `it has no socket${because}${lately}; ${next}`
}

function isRefused({ refusedUntil = 0 }: DeviceRow, { nowMs }: Circumstances): boolean {
  return refusedUntil > nowMs
}

/** Whichever server has it keeps to it; the one that has it already says so by its status. */
function alsoRefused(row: DeviceRow, known: Circumstances): string {
  if (!isRefused(row, known)) return ''
  const why = row.refusal ? `: ${row.refusal.why}` : ''
  return `; WhatsApp lets it log in no sooner than ${isoTime(row.refusedUntil ?? 0)}${why}`
}

function whySuspected({ suspicion = 0 }: DeviceRow, server: string | undefined): string | undefined {
  if (suspicion < ALONE_FROM_POINTS) return undefined
  return `it may have ended its last servers: server "${server}" waits, and then connects it as its only suspect`
}

function waitsForTurn(server: string | undefined, { owner }: Circumstances): string | undefined {
  if (!owner?.waiting) return undefined
  const connects = owner.waiting === 1 ? '1 connect waits' : `${owner.waiting} connects wait`
  return `it waits for its turn at server "${server}" (${connects} there)`
}

/** Said only where somebody has looked for the sweep, and what is said relies on it. */
function sweepMissed(known: Circumstances): string {
  if (!('sweptAt' in known)) return ''
  const { sweptAt, nowMs } = known
  if (sweptAt === undefined) return '; but no sweep has looked yet: is it running?'
  return nowMs - sweptAt > SWEEP_MISSED_MS
    ? `; but no sweep has looked since ${isoTime(sweptAt)}: is it running?`
    : ''
}
