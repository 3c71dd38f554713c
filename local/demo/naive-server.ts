/**
 * A server as it is often written, for the demo to compare with. It is not careless: it has a heartbeat,
 * consistent reads, a limit of devices, paced connects and jitter. It works until servers fail, because no
 * write of an owner is conditional. The demo runs it as a child process. The product must never use any of
 * it.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { DisconnectReason } from '@whiskeysockets/baileys'
import { localClient } from '../database.ts'
import type { Credentials } from '../signed-requests.ts'
import { beChild, report } from './child.ts'
import { openNaiveSocket } from './naive-socket.ts'
import { type NaiveDevice, naiveTable } from './naive-table.ts'

const BEAT_EVERY_MS = 2000
/** Three missed heartbeats. */
const SILENT_AFTER_MS = 6000
const LOOK_EVERY_MS = 1000
/** As many connects per second as a Mooring server, so that many devices do not flood WhatsApp. */
const CONNECT_EVERY_MS = 50
const RECONNECT_AFTER_MS = 2000
/** Keeps the servers from doing everything in the same instant. */
const JITTER = 0.2

export interface NaiveServerPlan {
  readonly serverId: string
  readonly databaseEndpoint: string
  readonly credentials: Credentials
  readonly whatsAppUrl: string
  readonly authDir: string
  readonly capacity: number
}

async function serve(plan: NaiveServerPlan): Promise<never> {
  const { serverId, databaseEndpoint, credentials, capacity, ...places } = plan
  const table = naiveTable(localClient(databaseEndpoint, credentials))
  const held = new Set<string>()

  const beat = () => table.beat(serverId, Date.now())
  await beat()
  setInterval(() => beat().catch(report), BEAT_EVERY_MS)
  for (;;) {
    await look().catch(report)
    await sleep(jittered(LOOK_EVERY_MS))
  }

  async function look(): Promise<void> {
    const [devices, heartbeats] = await Promise.all([table.devices(), table.heartbeats()])
    for (const device of devices) {
      if (held.has(device.deviceId)) continue
      if (device.owner !== serverId) {
        if (!isFree(device, heartbeats) || held.size >= capacity) continue
        // The device was free when the list was read. Another server has read the same list.
        await table.setOwner(device.deviceId, serverId)
      }
      held.add(device.deviceId)
      connect(device.deviceId)
      await sleep(CONNECT_EVERY_MS)
    }
  }

  function connect(deviceId: string): void {
    const closed = (code: number) => {
      if (code === DisconnectReason.loggedOut) return
      // 440 is treated like any lost connection, as in Baileys' own example.
      setTimeout(() => connect(deviceId), jittered(RECONNECT_AFTER_MS))
    }
    openNaiveSocket({ ...places, deviceId, server: serverId, closed }).catch((error: unknown) => {
      report(error)
      closed(0)
    })
  }
}

function isFree({ owner }: NaiveDevice, heartbeats: ReadonlyMap<string, number>): boolean {
  return owner === undefined || Date.now() - (heartbeats.get(owner) ?? 0) > SILENT_AFTER_MS
}

function jittered(ms: number): number {
  return ms * (1 - JITTER + 2 * JITTER * Math.random())
}

void serve(beChild<NaiveServerPlan>())
