/** `mooring devices` and most commands of `mooring device`. Linking is in `cli/pair.ts`, moving in
 *  `cli/reassign.ts`, sending in `cli/send.ts`. */
import type { DeviceAnswer } from '../lambdas/api/answers/device.ts'
import type { DeletedDevice, DevicePage, HistoryPage } from '../lambdas/api/routes/devices.ts'
import { readTime } from './arguments.ts'
import { mustConfirm } from './confirm.ts'
import { nameServers } from './history-names.ts'
import { readPages } from './pages.ts'
import { findServer } from './server-by-name.ts'
import { type Column, drawPairs, drawTable } from './table.ts'
import { age, counted } from './words.ts'
import { type CliWorld, tell } from './world.ts'

export interface ListOptions {
  readonly status?: string
  readonly owner?: string
  readonly updatedSince?: string
  readonly all?: true
}

export async function listDevices(world: CliWorld, options: ListOptions): Promise<void> {
  const { api, terminal, clock } = world
  const { status, owner, updatedSince } = options
  const since =
    updatedSince === undefined ? undefined : readTime('--updated-since', updatedSince, clock.wallMs())
  const server = owner === undefined ? undefined : await findServer(api, owner)
  const query = { status, owner: server?.serverId, updatedSince: since }
  const read = (page: DevicePage) => page.devices
  const { rows: devices, next } = await readPages(api, '/devices', query, options.all === true, read)
  tell(world, { devices, ...(next ? { next } : {}) }, () => [
    ...drawTable(deviceColumns(api.nowMs()), status ? devices : byId(devices), terminal.columns()),
    '',
    `${counted(devices.length, 'device')}${next ? '; there are more: --all lists them' : ''}`,
  ])
}

/** The API lists devices in no particular order; only devices of one status come by the time of their last
 *  change. */
function byId(devices: readonly DeviceAnswer[]): DeviceAnswer[] {
  return devices.toSorted((one, other) => one.deviceId.localeCompare(other.deviceId, 'en', { numeric: true }))
}

function deviceColumns(nowMs: number): Column<DeviceAnswer>[] {
  return [
    { title: 'DEVICE', of: ({ deviceId }) => deviceId },
    { title: 'NAME', of: ({ deviceId, name }) => (name === deviceId ? '' : name) },
    { title: 'STATUS', of: ({ status }) => status },
    { title: 'OWNER', of: ({ owner }) => owner?.name ?? owner?.serverId },
    { title: 'SINCE', of: (device) => age(Date.parse(statusSince(device)), nowMs), right: true },
    { title: 'EXPLANATION', of: ({ explanation }) => explanation },
  ]
}

function statusSince(device: DeviceAnswer): string {
  const { status, connectedAt, disconnectedAt, unassignedSince, updatedAt } = device
  const since = { connected: connectedAt, disconnected: disconnectedAt, unassigned: unassignedSince }
  return (status in since ? since[status as keyof typeof since] : undefined) ?? updatedAt
}

export async function showDevice(world: CliWorld, id: string): Promise<void> {
  const device = await world.api.get<DeviceAnswer>(`/devices/${id}`)
  tell(world, device, () => drawDevice(device))
}

function drawDevice(device: DeviceAnswer): string[] {
  const { owner, account, pairing, conflicts, stall } = device
  return drawPairs([
    ['device', device.deviceId],
    ['name', device.name],
    ['wanted', device.deleting ? 'deleted' : device.desired],
    ['status', device.status],
    ['explanation', device.explanation],
    ['owner', owner && (owner.name ? `${owner.name} (${owner.serverId})` : owner.serverId)],
    ['moves to', device.moveTo],
    ['account', account?.jid],
    ['to be linked', pairing && `by ${pairing.by}, until ${pairing.expiresAt}`],
    ['epoch', device.epoch],
    ['registered', device.createdAt],
    ['paired', device.pairedAt],
    ['assigned', device.assignedAt],
    ['unassigned', device.unassignedSince],
    ['connected', device.connectedAt],
    ['disconnected', device.disconnectedAt],
    ['quarantined', device.quarantinedAt],
    ['changed', device.updatedAt],
    ['conflicts', conflicts.length ? conflicts.join(', ') : 'none'],
    ['last stall', stall && `${stall.since}, until ${stall.endedAt ?? 'now'}: ${stall.why}`],
  ])
}

export async function registerDevice(
  world: CliWorld,
  id: string | undefined,
  { name }: { name?: string },
): Promise<void> {
  const wanted = { ...(id ? { deviceId: id } : {}), ...(name === undefined ? {} : { name }) }
  const device = await world.api.post<DeviceAnswer>('/devices', wanted)
  tell(world, device, () => [
    `Registered. ${inOneSentence(device)}`,
    ...(device.pairedAt ? [] : [`Link it to a phone: ${world.command} device pair ${device.deviceId}`]),
  ])
}

export type DeviceRequest = 'start' | 'stop' | 'restart' | 'logout'

export async function requestOf(world: CliWorld, request: DeviceRequest, id: string): Promise<void> {
  const device = await world.api.post<DeviceAnswer>(`/devices/${id}/${request}`, {})
  tell(world, device, () => `Requested: ${request}. ${inOneSentence(device)}`)
}

/** The present status of a device, its server, and the explanation. */
function inOneSentence({ deviceId, status, owner, explanation }: DeviceAnswer): string {
  const where = owner ? ` on server "${owner.name ?? owner.serverId}"` : ''
  const why = explanation ? `: ${explanation}` : ''
  return `Device "${deviceId}" is ${status.replace('_', ' ')}${where}${why}.`
}

export async function deleteDevice(world: CliWorld, id: string, { yes }: { yes?: true }): Promise<void> {
  const warning = `This erases device "${id}", its credentials and its history.`
  if (!yes) await mustConfirm(world, warning, id)
  const answer = await world.api.delete<DeviceAnswer | DeletedDevice>(`/devices/${id}`)
  tell(world, answer, () =>
    'deleted' in answer
      ? `Device "${id}" is deleted.`
      : `Requested. Device "${id}" is erased once its server has released it; ` +
        `\`${world.command} device show ${id}\` then finds nothing.`,
  )
}

export async function showHistory(world: CliWorld, id: string, { all }: { all?: true }): Promise<void> {
  const read = (page: HistoryPage) => page.history
  const { rows: history, next } = await readPages(world.api, `/devices/${id}/history`, {}, all === true, read)
  const named = world.json ? history : await nameServers(world.api, history)
  tell(world, { deviceId: id, history, ...(next ? { next } : {}) }, () => [
    ...drawTable(HISTORY_COLUMNS, named, world.terminal.columns()),
    ...(next ? ['', 'There is more: --all lists it'] : []),
  ])
}

const HISTORY_COLUMNS: Column<HistoryPage['history'][number]>[] = [
  { title: 'AT', of: ({ at }) => at },
  { title: 'EVENT', of: ({ event }) => event },
  { title: 'SERVER', of: ({ serverName, serverId }) => serverName ?? serverId },
  { title: 'EPOCH', of: ({ epoch }) => epoch, right: true },
  { title: 'WHY', of: ({ why }) => why },
]
