/** A device as the API tells of it. Never credentials; what links a device (its QR and code) only on their own routes. */
import * as z from 'zod'
import { DEVICE_STATUSES, type DeviceRow } from '../../core/device.ts'
import type { ServerId } from '../../core/ids.ts'
import { asServer, listServers, type ServerRow } from '../../core/server.ts'
import type { Store } from '../../core/store.ts'
import { explain } from './explanation.ts'
import { named } from './route.ts'
import { isoTime, Time } from './schemas.ts'

export const DeviceStatus = z.enum(DEVICE_STATUSES)

export const DeviceAnswer = named(
  'Device',
  z.object({
    deviceId: z.string(),
    name: z.string(),
    desired: z.enum(['running', 'stopped']).describe('what the operator wants'),
    status: DeviceStatus.describe('what is'),
    statusReason: z.string().optional(),
    explanation: z.string().optional().describe('why it is not connected, in words; absent when it is'),
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
    conflicts: z.array(Time).describe('the last conflicts (status 440)'),
  }),
)
export type DeviceAnswer = z.output<typeof DeviceAnswer>

/** @param owner the row of the device's owner, if it has one
 *  @param hasRoom whether some active server has room, where that is known */
export function deviceAnswer(
  row: DeviceRow,
  owner: ServerRow | undefined,
  nowMs: number,
  hasRoom?: boolean,
): DeviceAnswer {
  const { deviceId, name, desired, status, epoch, account, moveTo } = row
  const { pairing } = row
  const answer: { [A in keyof DeviceAnswer]: DeviceAnswer[A] | undefined } = {
    deviceId,
    name,
    desired,
    status,
    statusReason: row.statusReason,
    explanation: explain(row, owner, hasRoom),
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
    conflicts: (row.conflicts ?? []).map(isoTime),
  }
  // Attributes that are undefined do not leave in JSON.
  return answer as DeviceAnswer
}

/** The device with its owner's name; for one without an owner, whether any server could take it. */
export async function describeDevice(
  world: { store: Store; clock: { wallMs(): number } },
  row: DeviceRow,
): Promise<DeviceAnswer> {
  const nowMs = world.clock.wallMs()
  if (row.owner) {
    return deviceAnswer(row, asServer(await world.store.get('Servers', { serverId: row.owner })), nowMs)
  }
  const servers = row.desired === 'running' ? await listServers(world.store) : []
  return deviceAnswer(row, undefined, nowMs, servers.some(hasRoom))
}

/** Many devices, with one read of their owners. */
export async function describeDevices(
  world: { store: Store; clock: { wallMs(): number } },
  rows: readonly DeviceRow[],
): Promise<DeviceAnswer[]> {
  const owners = [...new Set(rows.flatMap(({ owner }) => owner ?? []))]
  const items = await world.store.getMany(
    'Servers',
    owners.map((serverId) => ({ serverId })),
  )
  const byId = new Map<ServerId, ServerRow | undefined>(items.map((item) => [item.serverId, asServer(item)]))
  const nowMs = world.clock.wallMs()
  return rows.map((row) => deviceAnswer(row, row.owner && byId.get(row.owner), nowMs))
}

function hasRoom(server: ServerRow): boolean {
  return server.state === 'active' && server.load < server.capacity
}

function timeOf(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : isoTime(ms)
}
