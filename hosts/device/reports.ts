/** Writes what one socket reports about its device, one write after the other. A write is refused once the
 *  socket is stale. */
import { isMooringError } from '../../core/errors.ts'
import { type Permit, report } from '../../core/protocol/ownership.ts'
import { jittered, retry } from '../../core/retry.ts'
import type { DeviceRow } from '../../core/store/device-row.ts'
import type { HistoryEvent } from '../../core/store/history-row.ts'
import type { Change } from '../../core/store/store.ts'
import { recordHistory } from '../../core/telemetry/history.ts'
import type { HostWorld, ServerContext } from '../world.ts'

/** More tries than fit into a lease that the store does not renew. If a report were given up while the socket
 *  stays open, the row would keep a wrong status that nothing corrects. */
const TRIES_MAX = 30
const BACKOFF = { baseMs: 100, capMs: 1000 }

export interface Reports {
  /** Resolves when this and every earlier report is written, or is given up because the lease is over or the
   *  store fails. */
  say(change: Pick<Change<DeviceRow>, 'set' | 'remove'>): Promise<void>
  /** Adds a row to the device's history. History is for people, so a failing store is only told to the
   *  log. */
  history(event: HistoryEvent, why: string): Promise<void>
  /** The device's row as last written or read under this epoch. */
  row(): DeviceRow
}

/** @param onStale called when the device turns out to have another owner or a newer socket */
export function createReports(
  world: HostWorld,
  context: ServerContext,
  { row, epoch }: Permit,
  onStale: () => void,
): Reports {
  const { deviceId } = row
  const identity = { device: deviceId, server: context.serverId, epoch }
  let known: DeviceRow = row
  let isStale = false
  let written: Promise<void> = Promise.resolve()

  const failed = (error: unknown) =>
    world.telemetry.emit('device.failed', { deviceId, serverId: context.serverId, epoch, error })

  async function write(change: Pick<Change<DeviceRow>, 'set' | 'remove'>): Promise<void> {
    const tried = async () => {
      known = await report(world.store, world.clock, identity, change)
    }
    try {
      await retry(tried, {
        clock: world.clock,
        waitMs: jittered(world.random, BACKOFF),
        triesMax: TRIES_MAX,
        isFinal: isNotOwner,
        mayTry: () => !isStale && context.lease.isValid(),
        giveUp: (why, error) => (why === 'limit' ? failed(error) : undefined),
      })
    } catch (error) {
      if (!isNotOwner(error)) throw error
      isStale = true
      onStale()
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
        server: context.serverId,
        serverName: context.name,
      }).catch(failed),
  }
}

function isNotOwner(error: unknown): boolean {
  return isMooringError(error, 'NOT_OWNER')
}
