/** A linked device with its phones and its store, as a snapshot that any number of runs can start from. */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../../core/clock.ts'
import { deviceId, serverId } from '../../../core/ids.ts'
import { claim, register } from '../../../core/protocol/ownership.ts'
import { systemRandom } from '../../../core/random.ts'
import type { DeviceRow } from '../../../core/store/device-row.ts'
import type { Store } from '../../../core/store/store.ts'
import type { Consumer } from '../../../hosts/messages/consumer.ts'
import type { ReceivedMessage } from '../../../hosts/whatsapp/received-message.ts'
import { type Simulator, startWhatsAppSimulator } from '../../../local/whatsapp/simulator.ts'
import { createMemory, type Memory, storeOn } from '../../simulation/memory-store.ts'
import { startHost } from './mortal-host.ts'

export const DEVICE = deviceId('device-1')
export const PHONE = '15550100100'
const WAIT_MS_MAX = 60_000

export interface Snapshot {
  /** The copy has a simulator and a store of its own, which end with `close`. */
  restore(): Promise<LinkedDevice>
  remove(): void
}

export interface LinkedDevice {
  readonly simulator: Simulator
  readonly store: Store
  close(): Promise<void>
}

/** A device that nobody has linked yet. */
export async function newDevice(dataFile?: string): Promise<LinkedDevice & { readonly memory: Memory }> {
  const simulator = await startWhatsAppSimulator(dataFile === undefined ? {} : { dataFile })
  const memory = newMemory()
  const store = storeOn(memory)
  await register(store, systemClock, { deviceId: DEVICE, name: 'device', credentialsId: systemRandom.id() })
  return { simulator, store, memory, close: () => simulator.close() }
}

/** Links a device and lets `settle` talk over it for a while. */
export async function linkDevice(
  settle: (talk: {
    hears(from: string, text: string): Promise<void>
    says(to: string, text: string): Promise<void>
  }) => Promise<void>,
): Promise<Snapshot> {
  const folder = mkdtempSync(join(tmpdir(), 'mooring-takeover-'))
  const dataFile = join(folder, 'linked.json')
  const { simulator, store, memory } = await newDevice(dataFile)
  await give(store, 'server-0')
  const { got, consumer } = collectTexts()
  const host = startHost({
    name: 'server-0',
    device: DEVICE,
    store,
    url: simulator.url,
    consumer,
    failed: () => undefined,
  })
  const qr = await until('a QR', async () => (await store.get('Devices', { deviceId: DEVICE }))?.pairing?.qr)
  await simulator.scanQr(qr, PHONE)
  await until('a connected device', async () => host.connection.isConnected())
  await settle({
    async hears(from, text) {
      await simulator.text(PHONE, text, from)
      await until(text, async () => got.includes(text))
    },
    async says(to, text) {
      await host.connection.send({ to, text, messageId: `SETTLE-${systemRandom.id()}` })
      await until(text, async () => simulator.received(PHONE).some((one) => one.text === text))
    },
  })
  host.connection.leave()
  await host.connection.ended
  await simulator.close()
  let runs = 0
  return {
    async restore() {
      runs += 1
      const copy = join(folder, `run-${runs}.json`)
      copyFileSync(dataFile, copy)
      const restored = newMemory()
      for (const row of memory.rows('AuthState')) restored.put('AuthState', row, [], 'snapshot')
      for (const row of memory.rows('Devices')) restored.put('Devices', row, [], 'snapshot')
      const own = await startWhatsAppSimulator({ dataFile: copy })
      return { simulator: own, store: storeOn(restored), close: () => own.close() }
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** Gives the device, which must have no owner, to a server of this name. */
export async function give(store: Store, name: string): Promise<void> {
  const server = { serverId: serverId(name), name }
  const claimId = systemRandom.id()
  await claim(store, systemClock, { device: DEVICE, server, claimId, keepHome: false, moved: false })
}

export async function until<Found>(
  what: string,
  look: () => Promise<Found | undefined | false>,
  instead: () => unknown = () => '',
): Promise<Found> {
  const end = performance.now() + WAIT_MS_MAX
  while (performance.now() < end) {
    const found = await look()
    if (found) return found
    await new Promise((resolve) => setTimeout(resolve, 3))
  }
  throw new Error(`${what}: not within ${WAIT_MS_MAX} ms. ${JSON.stringify(instead())}`)
}

export function deviceRow(store: Store): Promise<DeviceRow | undefined> {
  return store.get('Devices', { deviceId: DEVICE })
}

/** A consumer, and the texts that it was given. */
export function collectTexts(): { readonly got: readonly string[]; readonly consumer: Consumer } {
  const got: string[] = []
  const consumer: Consumer = {
    async take(_, messages) {
      got.push(...messages.map(textOf))
    },
  }
  return { got, consumer }
}

function textOf({ message }: ReceivedMessage): string {
  return (message as { conversation?: string }).conversation ?? JSON.stringify(message)
}

function newMemory(): Memory {
  return createMemory({ nowMs: () => performance.now(), lagMs: () => 0, written: () => undefined })
}
