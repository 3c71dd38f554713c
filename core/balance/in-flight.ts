/** The devices that rebalancing has asked to move: who of them is still on its way, and what that makes of the loads. */
import { type DeviceRow, hasSettled } from '../store/device-row.ts'
import type { UnderWay } from '../store/fleet-row.ts'
import type { Store } from '../store/store.ts'

/** A device that stands in the ledger but was not asked within this was given up by whoever wrote it there. */
const UNASKED_MS_MAX = 10_000
/** A device that its owner does not let go, or that no server takes, makes room for others after this. */
const LEAVING_MS_MAX = 120_000
/** One that has come to another server but does not connect there makes room after this. */
const ARRIVED_MS_MAX = 30_000

export interface InFlightMove {
  readonly entry: UnderWay
  /** Another server owns it, and counts it in its load. */
  readonly hasArrived: boolean
}

/** Consistent reads: read the servers after them, so that whoever has arrived here is in their loads. Times are of the wall
 *  clock: they pace what moves, and decide nothing about ownership. */
export async function readTravellers(
  store: Store,
  entries: readonly UnderWay[],
  nowMs: number,
): Promise<InFlightMove[]> {
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
