/** Which devices of a server move next: those that are connected and may be moved, as the lagging index lists them and their
 *  rows confirm. */
import type { DeviceRow } from './device.ts'
import type { DeviceId } from './ids.ts'
import { mayMove } from './rebalancing-plan.ts'
import type { ServerRow } from './server.ts'
import type { Page, Store } from './store.ts'

/** Rows of the index that are read at a time: the first ones are mostly enough. */
const PAGE_ROWS = 100
/** Rows read consistently, beyond those that are wanted: some that the index lists have left. */
const LISTED_TOO_LONG_MAX = 25

export async function findCandidates(
  store: Store,
  giver: Pick<ServerRow, 'serverId' | 'name'>,
  wanted: number,
  except: ReadonlySet<DeviceId>,
  nowMs: number,
): Promise<DeviceId[]> {
  const { serverId, name } = giver
  const isFit = (device: DeviceRow) =>
    device.status === 'connected' && !except.has(device.deviceId) && mayMove(device, name, nowMs)
  const listed: DeviceId[] = []
  let after: Page<DeviceRow>['next']
  do {
    const from = after ? { after } : {}
    const query = { index: 'byOwner', partition: serverId, limit: PAGE_ROWS, ...from }
    const page = await store.query('Devices', query)
    listed.push(...page.rows.filter(isFit).map(({ deviceId }) => deviceId))
    after = page.next
  } while (after && listed.length < wanted)
  if (listed.length === 0) return []
  const keys = listed.slice(0, wanted + LISTED_TOO_LONG_MAX).map((deviceId) => ({ deviceId }))
  const rows = await store.getMany('Devices', keys)
  const fit = new Set(rows.filter((row) => row.owner === serverId && isFit(row)).map((row) => row.deviceId))
  return listed.filter((deviceId) => fit.has(deviceId)).slice(0, wanted)
}
