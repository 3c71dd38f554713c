/** The WhatsApp socket on Baileys, unmodified. */
import { Boom } from '@hapi/boom'
import makeWASocket, {
  type BaileysEventMap,
  DisconnectReason,
  type UserFacingSocketConfig,
} from '@whiskeysockets/baileys'
import type { WebSocket } from 'ws'
import type { Account } from '../core/device.ts'
import { authOptions } from './auth-state/socket-options.ts'
import type { OpenSocket, SocketWish, WhatsAppSocket } from './whatsapp-socket.ts'

/** Baileys' own times for the first QR and those that follow. */
const FIRST_QR_VALID_MS = 60_000
const LATER_QR_VALID_MS = 20_000
/** A goodbye that is not answered within this is cut short. */
const CLOSE_MS_MAX = 1000

export interface BaileysOptions {
  /** WhatsApp's own address when left out. */
  readonly url?: string
  readonly historySync: boolean
}

export function baileysSockets(options: BaileysOptions): OpenSocket {
  return (wish) => openBaileysSocket(options, wish)
}

function openBaileysSocket(options: BaileysOptions, wish: SocketWish): WhatsAppSocket {
  const { auth, events, server } = wish
  const sock = makeWASocket({
    ...configure(options, server),
    ...authOptions(auth),
  })
  // The wrapper hides the WebSocket, but only the WebSocket can be cut without waiting for the other side.
  const wire = (sock.ws as unknown as { socket: WebSocket }).socket
  actOnlyIf(wire, wish.mayAct)
  const gone = new Promise<void>((resolve) => wire.once('close', () => resolve()))
  let qrCount = 0
  let isOver = false

  const over = (code: number, reason: string) => {
    if (isOver) return
    isOver = true
    events.closed(code, reason)
  }

  sock.ev.on('creds.update', () => {
    auth.saveCreds().catch(() => wire.terminate())
  })
  sock.ev.on('messages.upsert', ({ messages }) => events.received(messages.length))
  sock.ev.on('connection.update', (update: BaileysEventMap['connection.update']) => {
    if (update.qr) events.qr(update.qr, qrCount++ === 0 ? FIRST_QR_VALID_MS : LATER_QR_VALID_MS)
    if (update.isNewLogin) events.paired(accountOf(auth.state.creds.me))
    if (update.connection === 'open') events.open(accountOf(auth.state.creds.me))
    if (update.connection === 'close') {
      const error = update.lastDisconnect?.error
      const code = error instanceof Boom ? error.output.statusCode : 0
      wire.terminate()
      void gone.then(() => over(code, error?.message ?? 'closed by this server'))
    }
  })

  const cut = () => {
    wire.terminate()
    void sock.end(undefined)
    over(0, 'cut by this server')
  }
  return {
    requestPairingCode: (phoneNumber) => sock.requestPairingCode(phoneNumber),
    logout: () => sock.logout(),
    async close() {
      void sock.end(undefined)
      const late = setTimeout(() => wire.terminate(), CLOSE_MS_MAX)
      await gone
      clearTimeout(late)
      over(0, 'closed by this server')
    },
    cut,
  }
}

/** A process that was stopped in the middle of a turn finishes that turn before its fence's timer runs, and while a machine
 *  sleeps that timer stands still: what came during a freeze would be acted on, and a login would go on. */
function actOnlyIf(wire: WebSocket, mayAct: () => boolean): void {
  wire.prependListener('message', () => void mayAct())
  const send = wire.send.bind(wire) as (...frame: unknown[]) => void
  wire.send = (...frame: unknown[]) => {
    if (mayAct()) return send(...frame)
    wire.terminate()
    const sent = frame.at(-1)
    if (typeof sent !== 'function') return
    const { connectionClosed: statusCode } = DisconnectReason
    sent(new Boom('outside the lease nothing is sent', { statusCode }))
  }
}

function configure(options: BaileysOptions, server: string): Omit<UserFacingSocketConfig, 'auth'> {
  const url = options.url === undefined ? undefined : new URL(options.url)
  // The local simulator tells by this which server a socket belongs to; WhatsApp itself is never told.
  url?.searchParams.set('server', server)
  return {
    ...(url ? { waWebSocketUrl: url } : {}),
    logger: silentLogger,
    // The phone keeps its notifications.
    markOnlineOnConnect: false,
    syncFullHistory: false,
    ...(options.historySync ? {} : { shouldSyncHistoryMessage: () => false }),
  }
}

function accountOf(me: { id: string; lid?: string } | undefined): Account {
  if (!me) throw new Error('logged in without an account')
  return { jid: me.id, ...(me.lid ? { lid: me.lid } : {}) }
}

const nothing = () => undefined
/** Baileys' log lines hold key material. */
export const silentLogger = {
  level: 'silent',
  child: () => silentLogger,
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
}
