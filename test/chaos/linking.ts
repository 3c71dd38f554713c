/** Links devices as people do: a phone scans each QR of the device until the device is connected. */
import { type Clock, sleep } from '../../core/clock.ts'
import { type DeviceId, deviceId } from '../../core/ids.ts'
import type { Store } from '../../core/store/store.ts'
import type { Simulator } from '../../local/whatsapp/simulator.ts'
import type { LinkedDevice } from './fleet.ts'

const LOOK_EVERY_MS = 300
/** Devices that were scanned and are not connected yet. A first login makes and uploads 812 keys, so more
 *  would wait. */
const UNDER_WAY_MAX = 12

export interface Linking {
  /** Resolves when the device is connected, or was removed. */
  link(id: string): Promise<void>
  linked(): LinkedDevice[]
  forget(id: string): void
}

interface Pending {
  readonly done: () => void
  scanned?: string
}

/** @param start as the API's start. A pairing whose end WhatsApp did not hear of ends as a logout */
export function keepLinking(
  store: Store,
  simulator: Simulator,
  start: (id: string) => Promise<void>,
  clock: Clock,
  until: AbortSignal,
): Linking {
  const pending = new Map<DeviceId, Pending>()
  const linked = new Map<string, string>()

  async function look(): Promise<void> {
    const ids = [...pending.keys()]
    const rows = await store.getMany(
      'Devices',
      ids.map((id) => ({ deviceId: id })),
    )
    let underWay = 0
    for (const { deviceId: id, status, account, pairing } of rows) {
      const one = pending.get(id)
      if (!one) continue
      if (status === 'connected' && account) {
        linked.set(id, account.jid)
        pending.delete(id)
        one.done()
      } else if (status === 'logged_out') {
        await start(id)
      } else if (pairing?.qr && pairing.qr !== one.scanned) {
        if (underWay >= UNDER_WAY_MAX) continue
        underWay += 1
        one.scanned = pairing.qr
        // The socket may have closed meanwhile. The next one offers another QR.
        await simulator.scanQr(pairing.qr).catch(() => undefined)
      } else if (one.scanned) underWay += 1
    }
  }

  async function keepLooking(): Promise<void> {
    while (!until.aborted) {
      if (pending.size > 0) await look().catch(() => undefined)
      await sleep(clock, LOOK_EVERY_MS, until)
    }
  }

  void keepLooking()
  return {
    link: (id) => new Promise((done) => pending.set(deviceId(id), { done })),
    linked: () => [...linked].map(([id, jid]) => ({ deviceId: id, jid })),
    forget(id) {
      linked.delete(id)
      pending.get(deviceId(id))?.done()
      pending.delete(deviceId(id))
    },
  }
}
