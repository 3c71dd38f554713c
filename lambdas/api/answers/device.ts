/** A device as the API tells of it. Never credentials; what links a device (its QR and code) only on their own routes. */
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
    desired: z.enum(['running', 'stopped']).describe('what the operator wants'),
    status: DeviceStatus.describe('what is'),
    statusReason: z.string().optional(),
    explanation: z
      .string()
      .optional()
      .describe('why it is not connected, or has stalled lately, in words; absent when all is well'),
    owner: z
      .object({ serverId: z.string(), name: z.string().optional() })
      .optional()
      .describe('the server that holds it; absent when it is unassigned'),
    epoch: z.int().describe('raised by one at every connect'),
    account: z.object({ jid: z.string(), lid: z.string().optional() }).optional(),
    pairing: z
      .object({ by: z.enum(['qr', 'code']), since: Time, expiresAt: Time })
      .optional()
      .describe('there is a QR or a code to link it with, until it expires'),
    moveTo: z.string().optional().describe('its owner is asked to let go, for this server or for `any`'),
    deleting: z.boolean(),
    createdAt: Time,
    updatedAt: Time,
    assignedAt: Time.optional(),
    unassignedSince: Time.optional(),
    pairedAt: Time.optional(),
    connectedAt: Time.optional().describe('the last login'),
    disconnectedAt: Time.optional(),
    retryAt: Time.optional().describe(
      'when its server tries again, while it backs off; and no sooner, whichever server has it then, while WhatsApp refuses it',
    ),
    quarantinedAt: Time.optional().describe('since when no server gets it; starting it lifts that'),
    conflicts: z.array(Time).describe('the last conflicts (status 440)'),
    stall: z
      .object({ at: Time, since: Time, why: z.string(), endedAt: Time.optional() })
      .optional()
      .describe('when work of its socket was last found unanswered, and since when the oldest of it waited'),
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
  // Attributes that are undefined do not leave in JSON.
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

/** What describing a device takes. */
type Known = { store: Store; clock: { wallMs(): number }; settings: { fenceAfterMs: number } }

function plainly({ clock, settings }: Known): Pick<Circumstances, 'nowMs' | 'fenceAfterMs'> {
  return { nowMs: clock.wallMs(), fenceAfterMs: settings.fenceAfterMs }
}

/** The device with what it takes to explain it: its owner; for one without, how full the servers are; and whether the
 *  sweep runs, where it is the sweep that must do something. */
export async function describeDevice(world: Known, row: DeviceRow): Promise<DeviceAnswer> {
  const { store } = world
  const known = plainly(world)
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

/** Many devices, with one read of their owners. */
export async function describeDevices(world: Known, rows: readonly DeviceRow[]): Promise<DeviceAnswer[]> {
  const owners = [...new Set(rows.flatMap(({ owner }) => owner ?? []))]
  const items = await world.store.getMany(
    'Servers',
    owners.map((serverId) => ({ serverId })),
  )
  const byId = new Map<ServerId, ServerRow | undefined>(items.map((item) => [item.serverId, asServer(item)]))
  const known = plainly(world)
  return rows.map((row) => deviceAnswer(row, { ...known, owner: row.owner && byId.get(row.owner) }))
}

function timeOf(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : isoTime(ms)
}
