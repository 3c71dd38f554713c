/** Shows the QR of every device that waits for a phone in the terminal, and shows it again when WhatsApp
 *  renews it. */
import { toString as drawQr } from 'qrcode'
import type { Store } from '../core/store/store.ts'

const LOOK_EVERY_MS = 1000

export function showPairings(store: Store, say: (text: string) => void): { stop(): void } {
  const shown = new Map<string, string>()

  async function look(): Promise<void> {
    const { rows } = await store.query('Devices', { index: 'byStatus', partition: 'pairing' })
    for (const { deviceId, name, pairing } of rows) {
      if (!pairing?.qr || shown.get(deviceId) === pairing.qr) continue
      shown.set(deviceId, pairing.qr)
      const picture = await drawQr(pairing.qr, { type: 'terminal', small: true, errorCorrectionLevel: 'L' })
      say(
        `\nScan this with the phone for "${name}" (${deviceId}): WhatsApp, Linked devices, Link a device\n${picture}`,
      )
    }
  }

  const timer = setInterval(() => {
    look().catch((error: unknown) => say(`The waiting devices could not be read: ${String(error)}`))
  }, LOOK_EVERY_MS)
  return { stop: () => clearInterval(timer) }
}
