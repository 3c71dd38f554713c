/** The life of a device with the real client and the simulated WhatsApp, act by act, with the cost and the
 *  calls of each act. */
import { sleep, systemClock } from '../../core/clock.ts'
import { deviceId, epoch, serverId } from '../../core/ids.ts'
import { systemRandom } from '../../core/random.ts'
import type { Store } from '../../core/store/store.ts'
import { type OpenAuthState, openAuthState } from '../../hosts/auth-state/auth-state.ts'
import type { KeyWrapping } from '../../hosts/auth-state/keys/wrapping.ts'
import { whoIsWho } from '../../hosts/auth-state/who-is-who.ts'
import { droppingConsumer } from '../../hosts/messages/consumer.ts'
import { deliver } from '../../hosts/messages/deliver.ts'
import { baileysSockets } from '../../hosts/whatsapp/baileys-socket.ts'
import type { WhatsAppSocket } from '../../hosts/whatsapp/socket.ts'
import { startWhatsAppSimulator } from '../../local/whatsapp/simulator.ts'
import { type Call, recording } from './calls.ts'
import { type Cost, keepLedger } from './ledger.ts'

export interface Act extends Cost {
  readonly name: string
  readonly calls: readonly Call[]
}

const DEVICE = deviceId('benched')
const CREDENTIALS_ID = 'credentials'
const PHONE = '15550100100'
const CONTACT = '15550100150'
/** An act is over when no call has been made for this time. */
const QUIET_MS = 700
const LOOK_EVERY_MS = 20
const ACT_MS_MAX = 60_000

export async function runActs(plainStore: Store, wrapping: KeyWrapping): Promise<Act[]> {
  const ledger = keepLedger(plainStore)
  const simulator = await startWhatsAppSimulator()
  const openSocket = baileysSockets({ url: simulator.url, historySync: false })
  const acts: Act[] = []
  let calls: Call[] = []
  let lastAskedAt = systemClock.mark()
  let socket: WhatsAppSocket | undefined
  let opened = 0
  let texts = 0

  function note(call: Call): void {
    calls.push(call)
    lastAskedAt = systemClock.mark()
  }

  /** Resolves when the socket is open, or when WhatsApp has closed it after the pairing. */
  async function connect(): Promise<void> {
    opened += 1
    note({ ask: 'open' })
    const opening = openAuthState({
      ...{ store: ledger.store, clock: systemClock, telemetry: { emit: () => undefined }, wrapping },
      ...{ renewDataKeysAfterDays: 365, device: DEVICE, credentialsId: CREDENTIALS_ID },
      ...{ epoch: epoch(opened), everPaired: opened > 1, mayWrite: () => true, onStale: () => undefined },
    })
    const auth = recording(await opening, note)
    const ready = Promise.withResolvers<void>()
    const closed = new AbortController()
    socket = openSocket({
      device: DEVICE,
      server: serverId('bench'),
      auth,
      mayAct: () => true,
      events: {
        qr: (qr) => void simulator.scanQr(qr, PHONE).catch(ready.reject),
        paired: () => void auth.saveCreds(),
        open(account) {
          const world = { clock: systemClock, random: systemRandom, consumer: droppingConsumer }
          const failed = ready.reject
          const names = whoIsWho(auth, account)
          void deliver(
            { ...world, inbox: auth.inbox, device: DEVICE, whoIsWho: names, failed },
            closed.signal,
          )
          ready.resolve()
        },
        received: () => undefined,
        stalled: () => false,
        recovered: () => undefined,
        heldUp: () => undefined,
        closed: () => void end(auth, closed).then(ready.resolve, ready.reject),
      },
    })
    await ready.promise
  }

  async function act(name: string, work: () => Promise<void>): Promise<void> {
    const begun = systemClock.mark()
    await work()
    while (systemClock.elapsedMs(lastAskedAt) < QUIET_MS) {
      if (systemClock.elapsedMs(begun) > ACT_MS_MAX) throw new Error(`the act "${name}" does not end`)
      await sleep(systemClock, LOOK_EVERY_MS)
    }
    acts.push({ name, calls, ...ledger.take() })
    calls = []
  }

  const receive = async () => {
    const before = calls.length
    await simulator.text(PHONE, `text ${++texts}`, CONTACT)
    while (calls.length === before || simulator.accounts()[0]?.queued !== 0) {
      await sleep(systemClock, LOOK_EVERY_MS)
    }
  }
  const send = async () =>
    socket?.send({ to: `${CONTACT}@s.whatsapp.net`, text: 'text', messageId: systemRandom.id() })

  try {
    await act('pairing', connect)
    await act('first login', connect)
    await socket?.close()
    await act('reconnect', connect)
    await act('receive, new contact', receive)
    await act('send, new contact', send)
    await act('receive', receive)
    await act('send', send)
    return acts
  } finally {
    socket?.cut()
    await simulator.close()
  }
}

async function end(auth: OpenAuthState, closed: AbortController): Promise<void> {
  closed.abort()
  await auth.settled()
  auth.close()
}
