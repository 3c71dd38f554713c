/** Finds the devices that rebalancing has asked to move and that are still under way. It also finds whether
 *  another server counts them in its load already. */
import { type DeviceRow, hasSettled } from '../store/device-row.ts'
import type { UnderWay } from '../store/fleet-row.ts'
import type { Store } from '../store/store.ts'

/** A device of the ledger that was not asked within this time will not be asked: the sweep that wrote the
 *  ledger has ended before. */
const UNASKED_MS_MAX = 10_000
/** A device that its owner does not release, or that no server takes, makes room for others after this. */
const LEAVING_MS_MAX = 120_000
/** A device that has come to another server and does not connect there makes room for others after this. */
const ARRIVED_MS_MAX = 30_000

export interface FoundUnderWay {
  readonly entry: UnderWay
  /** Another server owns it, and counts it in its load. */
  readonly hasArrived: boolean
}

/** Reads consistently. Read the servers afterwards: their loads then count every device that has arrived
 *  here. Times are of the wall clock: they pace the moves, and decide nothing about ownership. */
export async function readUnderWay(
  store: Store,
  entries: readonly UnderWay[],
  nowMs: number,
): Promise<FoundUnderWay[]> {
  if (entries.length === 0) return []
  const rows = await store.getMany(
    'Devices',
    entries.map(({ deviceId }) => ({ deviceId })),
  )
  const devices = new Map(rows.map((device) => [device.deviceId, device]))
  return entries.flatMap((entry) => {
    const device = devices.get(entry.deviceId)
    if (!device || !isUnderWay(entry, device, nowMs)) return []
    return [{ entry, hasArrived: device.owner !== undefined && device.owner !== entry.from }]
  })
}

function isUnderWay({ from, askedAt }: UnderWay, device: DeviceRow, nowMs: number): boolean {
  if (device.desired !== 'running' || device.deleting) return false
  if (device.owner === undefined) return nowMs - askedAt < LEAVING_MS_MAX
  if (device.owner !== from) return !hasSettled(device) && nowMs - askedAt < ARRIVED_MS_MAX
  return nowMs - askedAt < (device.moveTo === undefined ? UNASKED_MS_MAX : LEAVING_MS_MAX)
}
