/** Releases a device after its socket is closed, in the way that its row or the reason asks for. */
import type { DeviceId } from '../../core/ids.ts'
import { type Release, release } from '../../core/protocol/ownership.ts'
import type { DeviceRow } from '../../core/store/device-row.ts'
import type { HistoryEvent } from '../../core/store/history-row.ts'
import { recordHistory } from '../../core/telemetry/history.ts'
import type { HostWorld, ServerContext } from '../world.ts'

export type ReleaseReason =
  /** The row asks for it: stopped, logged out, deleted, or moved. */
  | { readonly because: 'row' }
  /** The server leaves. */
  | { readonly because: 'leaving' }
  | { readonly because: 'logged_out' | 'stopped' | 'conflicted'; readonly why: string }

type ReleasePlan = Omit<Release, 'device' | 'server' | 'epoch'> & {
  readonly place: boolean
  readonly event: HistoryEvent
}

/** @param suspicion the points that remain against the device, since its server has outlived the socket
 *  @returns `still_wanted` when the row no longer asks for a release
 *  @returns `lost` when this server does not own the device */
export async function releaseDevice(
  world: HostWorld,
  context: ServerContext,
  deviceId: DeviceId,
  reason: ReleaseReason,
  suspicion: number,
): Promise<'released' | 'still_wanted' | 'lost'> {
  const row = await world.store.get('Devices', { deviceId })
  if (row?.owner !== context.serverId) return 'lost'
  const plan = releaseFor(row, reason, context.name, world.random.id())
  if (!plan) return 'still_wanted'
  const { place, event, ...how } = plan
  const { epoch } = row
  // The socket was closed on request just now, and no report has said so.
  const closed = row.status === 'connected' ? { disconnectedAt: world.clock.wallMs() } : {}
  const facts = { deviceId, serverId: context.serverId, epoch, why: how.statusReason ?? reason.because }
  const me = { device: deviceId, server: context.serverId, epoch }
  if (!(await release(world.store, world.clock, { ...me, ...how, ...closed, suspicion }))) return 'lost'
  world.telemetry.emit('device.released', facts)
  if (event === 'logged_out') world.telemetry.emit('device.logged_out', facts)
  if (event === 'conflicted') world.telemetry.emit('device.conflicted', facts)
  if (place) await world.requestPlacement([deviceId])
  await recordHistory(world, {
    deviceId,
    event,
    epoch,
    server: context.serverId,
    serverName: context.name,
    why: facts.why,
  })
  return 'released'
}

function releaseFor(
  row: DeviceRow,
  reason: ReleaseReason,
  homeName: string,
  fresh: string,
): ReleasePlan | undefined {
  switch (reason.because) {
    case 'logged_out':
      return {
        status: 'logged_out',
        statusReason: reason.why,
        noLongerWanted: true,
        freshCredentialsId: fresh,
        place: row.deleting === true,
        event: 'logged_out',
      }
    case 'conflicted':
    case 'stopped':
      return {
        status: reason.because,
        statusReason: reason.why,
        noLongerWanted: true,
        homeName,
        place: row.deleting === true,
        event: reason.because,
      }
  }
  const why = row.statusReason
  if (row.logout) {
    return {
      status: 'logged_out',
      ...(why ? { statusReason: why } : {}),
      freshCredentialsId: fresh,
      place: row.deleting === true,
      event: 'logged_out',
    }
  }
  if (row.desired === 'stopped') {
    return {
      status: 'stopped',
      ...(why ? { statusReason: why } : {}),
      homeName,
      place: row.deleting === true,
      event: 'stopped',
    }
  }
  if (reason.because === 'leaving') {
    return {
      status: 'unassigned',
      statusReason: `server "${homeName}" left`,
      homeName,
      place: true,
      event: 'released',
    }
  }
  if (row.moveTo) {
    const statusReason = `asked to move: ${row.moveReason ?? 'on request'}`
    return { status: 'unassigned', statusReason, place: true, event: 'released' }
  }
  return undefined
}
