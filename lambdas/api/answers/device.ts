/** A device as the API shows it: never its credentials. Its QR and its pairing code are shown on their own
 *  routes alone, because they need a higher scope. */
import * as z from 'zod'
import type { ServerId } from '../../../core/ids.ts'
import { listServers } from '../../../core/protocol/membership.ts'
import { DEVICE_STATUSES, type DeviceRow, type StallFound } from '../../../core/store/device-row.ts'
import { asServer, isLive, type ServerRow } from '../../../core/store/server-row.ts'
import type { Store } from '../../../core/store/store.ts'
import { readSweepStamp } from '../../../core/telemetry/sweep-stamp.ts'
import { named } from '../route.ts'
import { isoTime, Time } from '../schemas.ts'
import { type Circumstances, explain, isSilent, roomIn } from './explanation.ts'

export const DeviceStatus = z.enum(DEVICE_STATUSES)

export const DeviceAnswer = named(
  'Device',
  z.object({
    deviceId: z.string(),
    name: z.string(),
    desired: z.enum(['running', 'stopped']).describe('the state that the operator wants'),
    status: DeviceStatus.describe('the present state'),
    statusReason: z.string().optional(),
    explanation: z
      .string()
      .optional()
      .describe(
        'the reason, in words, why the device is not connected or has stalled lately; absent when all is well',
      ),
    owner: z
      .object({ serverId: z.string(), name: z.string().optional() })
      .optional()
      .describe('the server that owns the device; absent when the device is unassigned'),
    epoch: z.int().describe('raised by one at every connect and release'),
    account: z.object({ jid: z.string(), lid: z.string().optional() }).optional(),
    pairing: z
      .object({ by: z.enum(['qr', 'code']), since: Time, expiresAt: Time })
      .optional()
      .describe('a QR or a code is ready to link the device; absent when there is none, or it has expired'),
    moveTo: z
      .string()
      .optional()
      .describe('its owner is asked to release it, for this `serverId` or for `any` server'),
    deleting: z.boolean(),
    createdAt: Time,
    updatedAt: Time,
    assignedAt: Time.optional(),
    unassignedSince: Time.optional(),
    pairedAt: Time.optional(),
    connectedAt: Time.optional().describe('the time of the last login'),
    disconnectedAt: Time.optional(),
    retryAt: Time.optional().describe(
      'the time of the next try while the device backs off; while WhatsApp refuses the device, no server tries sooner',
    ),
    quarantinedAt: Time.optional().describe(
      'no server gets the device since this time; starting it ends the quarantine',
    ),
    conflicts: z.array(Time).describe('the times of the last conflicts (close code 440)'),
    stall: z
      .object({ at: Time, since: Time, why: z.string(), endedAt: Time.optional() })
      .optional()
      .describe(
        'the last stall: `at` is when it was last seen, `since` is when its oldest unanswered work began to wait',
      ),
  }),
)
export type DeviceAnswer = z.output<typeof DeviceAnswer>

export function deviceAnswer(row: DeviceRow, known: Circumstances): DeviceAnswer {
  const { owner, nowMs } = known
  const { deviceId, name, desired, status, epoch, account, moveTo } = row
  const { pairing } = row
  const answer: { [A in keyof DeviceAnswer]: DeviceAnswer[A] | undefined } = {
    deviceId,
    name,
    desired,
    status,
    statusReason: row.statusReason,
    explanation: explain(row, known),
    owner: row.owner && { serverId: row.owner, ...(owner ? { name: owner.name } : {}) },
    epoch,
    account: account && { jid: account.jid, ...(account.lid ? { lid: account.lid } : {}) },
    pairing:
      pairing && pairing.expiresAt > nowMs
        ? {
            by: pairing.code ? 'code' : 'qr',
            since: isoTime(pairing.since),
            expiresAt: isoTime(pairing.expiresAt),
          }
        : undefined,
    moveTo,
    deleting: row.deleting ?? false,
    createdAt: isoTime(row.createdAt),
    updatedAt: isoTime(row.updatedAt),
    assignedAt: timeOf(row.assignedAt),
    unassignedSince: timeOf(row.unassignedSince),
    pairedAt: timeOf(row.pairedAt),
    connectedAt: timeOf(row.connectedAt),
    disconnectedAt: timeOf(row.disconnectedAt),
    retryAt: timeOf(row.status === 'disconnected' ? row.retryAt : waitsFor(row, nowMs)),
    quarantinedAt: timeOf(row.quarantinedAt),
    conflicts: (row.conflicts ?? []).map(isoTime),
    stall: row.stall && stallAnswer(row.stall),
  }
  // JSON drops the attributes that are undefined.
  return answer as DeviceAnswer
}

function stallAnswer({ at, since, why, endedAt }: StallFound): DeviceAnswer['stall'] {
  return {
    at: isoTime(at),
    since: isoTime(since),
    why,
    ...(endedAt === undefined ? {} : { endedAt: isoTime(endedAt) }),
  }
}

function waitsFor({ desired, refusedUntil = 0 }: DeviceRow, nowMs: number): number | undefined {
  return desired === 'running' && refusedUntil > nowMs ? refusedUntil : undefined
}

/** The parts of a world that describing a device needs. */
type Known = { store: Store; clock: { wallMs(): number }; settings: { fenceAfterMs: number } }

function timesOf({ clock, settings }: Known): Pick<Circumstances, 'nowMs' | 'fenceAfterMs'> {
  return { nowMs: clock.wallMs(), fenceAfterMs: settings.fenceAfterMs }
}

/** Describes one device. Its explanation needs the owner's row, or without an owner the room on the servers.
 *  It needs the last look of the sweep too where the sweep must act next. */
export async function describeDevice(world: Known, row: DeviceRow): Promise<DeviceAnswer> {
  const { store } = world
  const known = timesOf(world)
  if (!row.owner) {
    if (row.desired !== 'running') return deviceAnswer(row, known)
    const [servers, sweptAt] = await Promise.all([listServers(store), readSweepStamp(store)])
    return deviceAnswer(row, { ...known, room: roomIn(servers), sweptAt })
  }
  const owner = asServer(await store.get('Servers', { serverId: row.owner }))
  const isWell = owner && isLive(owner) && !isSilent(owner, known.nowMs, known.fenceAfterMs)
  const sweep = isWell ? {} : { sweptAt: await readSweepStamp(store) }
  return deviceAnswer(row, { ...known, owner, ...sweep })
}

/** Describes many devices with one read of all their owners. */
export async function describeDevices(world: Known, rows: readonly DeviceRow[]): Promise<DeviceAnswer[]> {
  const owners = [...new Set(rows.flatMap(({ owner }) => owner ?? []))]
  const items = await world.store.getMany(
    'Servers',
    owners.map((serverId) => ({ serverId })),
  )
  const byId = new Map<ServerId, ServerRow | undefined>(items.map((item) => [item.serverId, asServer(item)]))
  const known = timesOf(world)
  return rows.map((row) => deviceAnswer(row, { ...known, owner: row.owner && byId.get(row.owner) }))
}

function timeOf(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : isoTime(ms)
}
