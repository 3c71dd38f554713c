/** Asks for the permit that every connect needs. Keeps what the row has told so far: the epoch and the
 *  restarts that the present socket knows of. It also keeps the time until which WhatsApp refuses the
 *  device. */
import { isMooringError } from '../../core/errors.ts'
import type { DeviceId, Epoch, ServerId } from '../../core/ids.ts'
import { type Permit, permit } from '../../core/protocol/ownership.ts'
import type { DeviceRow } from '../../core/store/device-row.ts'
import type { HostWorld } from '../world.ts'
import { holdsFor, sayRefused } from './refused-login.ts'

export type Permission =
  | { readonly is: 'granted'; readonly permit: Permit }
  /** The row asks this server to release the device. */
  | { readonly is: 'not_wanted' }
  /** This server does not own the device. */
  | { readonly is: 'not_owner' }
  /** WhatsApp refuses the device for a time, see `refusedForMs`; or the row has just changed. */
  | { readonly is: 'later' }
  /** The row goes on refusing, although its reason does not hold for this server. */
  | { readonly is: 'failed' }

export interface Permits {
  /** @param suspicion the points against the device, which the permit writes into the row */
  ask(suspicion: number): Promise<Permission>
  /** For how long WhatsApp still refuses the device; not above 0 when it does not. */
  refusedForMs(): number
  /** WhatsApp refuses the device until then, by the time of day. */
  refuseUntil(wallMs: number): void
  /** Whether the row is newer than the permit. A restart may be requested. Or a permit that had been given up
   *  was applied after all, so that the present socket cannot report.
   *  @param hasSocket whether a socket lives under the last permit */
  isOutdatedBy(row: DeviceRow, hasSocket: boolean): boolean
  /** Whether an operator's `start` has taken the time of the refusal from the row. */
  isLetInBy(row: DeviceRow): boolean
  /** Takes in a row that was read while no socket lived. */
  takeIn(row: DeviceRow | undefined): void
}

export function createPermits(world: HostWorld, serverId: ServerId, deviceId: DeviceId): Permits {
  let restartsSeen = 0
  let epochHeld: Epoch | 0 = 0
  let refusedUntil = 0

  /** @param over a `refusedUntil` that does not hold for this server's client */
  async function ask(suspicion: number, over?: number): Promise<Permission> {
    try {
      const granted = await permit(world.store, world.clock, deviceId, serverId, suspicion, over)
      world.telemetry.emit('device.permit_granted', { deviceId, serverId, epoch: granted.epoch })
      restartsSeen = granted.row.restarts ?? 0
      epochHeld = granted.epoch
      return { is: 'granted', permit: granted }
    } catch (error) {
      if (!isMooringError(error)) throw error
      if (error.code === 'NOT_WANTED') return { is: 'not_wanted' }
      if (error.code === 'LOGIN_REFUSED') return afterRefusal(suspicion, over)
      world.telemetry.emit('device.permit_refused', { deviceId, serverId, why: error.message })
      return { is: 'not_owner' }
    }
  }

  /** WhatsApp has set the time for an earlier owner, or for this server before a restart. */
  async function afterRefusal(suspicion: number, over: number | undefined): Promise<Permission> {
    const row = await world.store.get('Devices', { deviceId })
    if (row?.owner !== serverId || row.refusedUntil === undefined) return { is: 'later' }
    if (!holdsFor(row, world.clientVersion)) {
      return row.refusedUntil === over ? { is: 'failed' } : ask(suspicion, row.refusedUntil)
    }
    refusedUntil = row.refusedUntil
    restartsSeen = row.restarts ?? 0
    await sayRefused(world, row)
    return { is: 'later' }
  }

  return {
    ask: (suspicion) => ask(suspicion),
    refusedForMs: () => refusedUntil - world.clock.wallMs(),
    refuseUntil(wallMs) {
      refusedUntil = wallMs
    },
    isOutdatedBy: (row, hasSocket) =>
      (row.restarts ?? 0) > restartsSeen || (hasSocket && row.epoch > epochHeld),
    isLetInBy: (row) => refusedUntil > world.clock.wallMs() && row.refusedUntil !== refusedUntil,
    takeIn(row) {
      const isRefused = row?.owner === serverId && holdsFor(row, world.clientVersion)
      refusedUntil = isRefused ? (row.refusedUntil ?? 0) : 0
      if (isRefused) restartsSeen = row.restarts ?? 0
    },
  }
}
