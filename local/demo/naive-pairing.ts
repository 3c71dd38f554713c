/**
 * Pairs the devices of the naive fleet, so that its servers start with devices that have long been linked.
 * The demo runs it once, as a child process, before the naive servers. It must hold no socket when it ends.
 */
import { DisconnectReason, type WASocket } from '@whiskeysockets/baileys'
import { inParallel } from '../../core/parallel.ts'
import { beChild, report } from './child.ts'
import { openNaiveSocket } from './naive-socket.ts'

/** How many devices are paired at the same time. */
const LANES = 12
const PAIR_MS_MAX = 30_000

interface Plan {
  readonly deviceIds: readonly string[]
  readonly authDir: string
  readonly whatsAppUrl: string
  /** The URL that makes simulated phones scan. */
  readonly controlUrl: string
  readonly controlToken: string
}

/** Scans the QR, restarts as WhatsApp asks, and logs in once. The first login is slow, because it uploads the
 *  keys. */
function pair(plan: Plan, deviceId: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`${deviceId} was not paired in time`)), PAIR_MS_MAX)
    let isLoggedIn = false
    let socket: WASocket | undefined
    const connect = async () => {
      socket = await openNaiveSocket({
        ...plan,
        deviceId,
        server: 'pairing',
        qr: (qr) => void scan(plan, qr).catch(reject),
        open: () => {
          isLoggedIn = true
          void socket?.end(undefined)
        },
        closed: (code) => {
          if (code === DisconnectReason.restartRequired) return void connect().catch(reject)
          clearTimeout(late)
          if (isLoggedIn) resolve()
          else reject(new Error(`${deviceId} was not paired: closed with status ${code}`))
        },
      })
    }
    connect().catch(reject)
  })
}

async function scan({ controlUrl, controlToken }: Plan, qr: string): Promise<void> {
  const response = await fetch(`${controlUrl}/phones/scan`, {
    method: 'POST',
    headers: { authorization: `Bearer ${controlToken}` },
    body: JSON.stringify({ qr }),
  })
  if (!response.ok) throw new Error(`the phone did not scan: ${await response.text()}`)
}

const plan = beChild<Plan>()
inParallel(plan.deviceIds, LANES, (deviceId) => pair(plan, deviceId)).then(
  () => process.exit(0),
  (error: unknown) => {
    report(error)
    process.exit(1)
  },
)
