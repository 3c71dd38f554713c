/** The invariant of quarantine: a poisonous device ends a bounded number of servers. */

import type { DeviceId } from '../../core/ids.ts'
import type { DeviceRow } from '../../core/store/device-row.ts'
import type { Accuse } from './invariants.ts'
import type { Write } from './memory-store.ts'

/** Three servers, when the event of each crash arrives. An event can be lost, and a death that was found by
 *  silence alone counts half. */
const DEATHS_MAX = 6

export function judgeSuspicion(accuse: Accuse) {
  /** Servers that each device has ended since an operator started it last, or since it was well. */
  const deaths = new Map<DeviceId, number>()
  return {
    poisoned(device: DeviceId): void {
      const count = (deaths.get(device) ?? 0) + 1
      deaths.set(device, count)
      if (count > DEATHS_MAX)
        accuse('9 a device’s fault moves no other device for long', `${device} has ended ${count} servers`)
    },
    written({ table, before, after }: Write): void {
      if (table !== 'Devices' || !before) return
      const { deviceId, suspicion: was = 0 } = before as unknown as DeviceRow
      const { suspicion: is = 0 } = (after ?? {}) as unknown as Partial<DeviceRow>
      // An eviction for a death from outside takes one point back. All other causes take back all points.
      if (is === 0 ? was > 0 : is < was - 1) deaths.delete(deviceId)
    },
  }
}
