/**
 * Pairs the naive fleet's devices, so that its servers find a fleet that has long been running.
 * A child process of the demo, run once before the naive servers. It holds no socket when it ends.
 */
import { DisconnectReason, type WASocket } from '@whiskeysockets/baileys'
import { inParallel } from '../../core/parallel.ts'
import { silenceConsole } from '../../hosts/whatsapp/silence-console.ts'
import { planOfChild } from './child.ts'
import { openNaiveSocket } from './naive-socket.ts'

/** Devices paired at the same time. */
const LANES = 12
const PAIR_MS_MAX = 30_000

interface Plan {
  readonly deviceIds: readonly string[]
  readonly authDir: string
  readonly whatsAppUrl: string
  /** Where the simulated phones are told to scan. */
  readonly controlUrl: string
  readonly controlToken: string
}

/** Scans, restarts as WhatsApp asks for, and logs in once: the first login uploads the keys, the slow part. */
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

function report(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
}

silenceConsole()
// Baileys does not await all that it sends; a socket that closes meanwhile must not end the process.
process.on('unhandledRejection', report)
// The demo that is gone needs no devices.
process.on('disconnect', () => process.exit(1))
const plan = planOfChild<Plan>()
inParallel(plan.deviceIds, LANES, (deviceId) => pair(plan, deviceId)).then(
  () => process.exit(0),
  (error: unknown) => {
    report(error)
    process.exit(1)
  },
)
