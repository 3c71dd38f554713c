/** What one socket writes about its device, one write after another, each refused once the socket is stale. */
import { sleep } from '../../core/clock.ts'
import { isMooringError } from '../../core/errors.ts'
import { type Permit, report } from '../../core/protocol/ownership.ts'
import { backoffMs } from '../../core/random.ts'
import type { DeviceRow } from '../../core/store/device-row.ts'
import type { HistoryEvent } from '../../core/store/history-row.ts'
import type { Change } from '../../core/store/store.ts'
import { recordHistory } from '../../core/telemetry/history.ts'
import type { Berth, HostWorld } from '../world.ts'

/** More than fit into a lease that the store does not renew: a report that is given up while the socket stays open would
 *  leave a status in the row that nothing sets right. */
const TRIES_MAX = 30
const TRY_AGAIN_BASE_MS = 100
const TRY_AGAIN_CAP_MS = 1000

export interface Reports {
  /** Resolves when this and every earlier report is written, or given up because the lease is over or the store fails. */
  say(change: Pick<Change<DeviceRow>, 'set' | 'remove'>): Promise<void>
  /** A line in the device's history; for people, so that a failing store is only reported. */
  history(event: HistoryEvent, why: string): Promise<void>
  /** The row as last written or read under this epoch. */
  row(): DeviceRow
}

/** @param onStale called when the device turns out to have another owner or a newer socket */
export function createReports(
  world: HostWorld,
  berth: Berth,
  { row, epoch }: Permit,
  onStale: () => void,
): Reports {
  const { deviceId } = row
  const standing = { device: deviceId, server: berth.serverId, epoch }
  let known: DeviceRow = row
  let isStale = false
  let written: Promise<void> = Promise.resolve()

  const failed = (error: unknown) =>
    world.telemetry.emit('device.failed', { deviceId, serverId: berth.serverId, epoch, error })

  async function write(change: Pick<Change<DeviceRow>, 'set' | 'remove'>): Promise<void> {
    for (let tried = 1; !isStale && berth.lease.isValid(); tried++) {
      try {
        known = await report(world.store, world.clock, standing, change)
        return
      } catch (error) {
        if (isMooringError(error, 'NOT_OWNER')) {
          isStale = true
          return onStale()
        }
        if (tried === TRIES_MAX) return failed(error)
        await sleep(world.clock, backoffMs(world.random, tried, TRY_AGAIN_BASE_MS, TRY_AGAIN_CAP_MS))
      }
    }
  }

  return {
    row: () => known,
    say(change) {
      written = written.then(() => write(change))
      return written
    },
    history: (event, why) =>
      recordHistory(world, {
        deviceId,
        event,
        epoch,
        why,
        server: berth.serverId,
        serverName: berth.name,
      }).catch(failed),
  }
}
