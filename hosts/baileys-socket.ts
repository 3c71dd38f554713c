/** The WhatsApp socket on Baileys, unmodified. */
import makeWASocket, {
  type BaileysEventMap,
  type BinaryNode,
  DEFAULT_CONNECTION_CONFIG,
  type UserFacingSocketConfig,
  type WASocket,
} from '@whiskeysockets/baileys'
import type { WebSocket } from 'ws'
import type { ClientVersion } from '../core/client-version.ts'
import { systemClock } from '../core/clock.ts'
import type { Account } from '../core/device.ts'
import { authOptions } from './auth-state/socket-options.ts'
import { closingOf, type Told } from './disconnect.ts'
import { createExistenceCheck, type ExistenceCheck } from './existence.ts'
import { guardWire } from './guarded-wire.ts'
import { refusalOfSend } from './send-refusals.ts'
import { jidOf } from './sending.ts'
import { silentLogger } from './silent-logger.ts'
import type { OpenSocket, OutgoingText, SocketWish, WhatsAppSocket } from './whatsapp-socket.ts'

/** The version of the client that Baileys logs in with when it is not told another. */
export const PACKAGE_VERSION: ClientVersion = DEFAULT_CONNECTION_CONFIG.version

/** Baileys' own times for the first QR and those that follow. */
const FIRST_QR_VALID_MS = 60_000
const LATER_QR_VALID_MS = 20_000
/** WhatsApp confirms a message within tenths of a second. */
const CONFIRM_MS_MAX = 10_000
/** A goodbye that is not answered within this is cut short. */
const CLOSE_MS_MAX = 1000

export interface BaileysOptions {
  /** WhatsApp's own address when left out. */
  readonly url?: string
  readonly historySync: boolean
  /** The package's own when left out. */
  readonly clientVersion?: ClientVersion
  /** How long each QR is shown, for tests; WhatsApp's own times when left out. */
  readonly qrValidMs?: number
}

export function baileysSockets(options: BaileysOptions): OpenSocket {
  // Who is on WhatsApp is the same for all devices.
  const existence = createExistenceCheck(systemClock)
  return (wish) => openBaileysSocket(options, existence, wish)
}

function openBaileysSocket(
  options: BaileysOptions,
  existence: ExistenceCheck,
  wish: SocketWish,
): WhatsAppSocket {
  const { auth, events, server } = wish
  const { config, met } = authOptions(auth, systemClock, () => wire.terminate())
  const sock = makeWASocket({ ...configure(options, server), ...config })
  // The wrapper hides the WebSocket, but only the WebSocket can be cut without waiting for the other side.
  const wire = (sock.ws as unknown as { socket: WebSocket }).socket
  const { holdUntil } = guardWire(wire, wish.mayAct)
  sock.ws.prependListener('CB:message', met)
  const gone = new Promise<void>((resolve) => wire.once('close', () => resolve()))
  let qrCount = 0
  let isOver = false

  const over = (code: number, reason: string, told?: Told) => {
    if (isOver) return
    isOver = true
    events.closed(code, reason, told)
  }

  sock.ev.on('creds.update', () => holdUntil(auth.saveCreds()))
  sock.ev.on('messages.upsert', ({ messages }) => events.received(messages.length))
  sock.ev.on('connection.update', (update: BaileysEventMap['connection.update']) => {
    if (update.qr)
      events.qr(update.qr, options.qrValidMs ?? (qrCount++ === 0 ? FIRST_QR_VALID_MS : LATER_QR_VALID_MS))
    if (update.isNewLogin) events.paired(accountOf(auth.state.creds.me))
    if (update.connection === 'open') events.open(accountOf(auth.state.creds.me))
    if (update.connection === 'close') {
      const { code, reason, told } = closingOf(update.lastDisconnect?.error)
      wire.terminate()
      void gone.then(() => over(code, reason, told))
    }
  })

  const cut = () => {
    wire.terminate()
    void sock.end(undefined)
    over(0, 'cut by this server')
  }
  return {
    async send(message) {
      await existence.refuseUnknown(sock, message)
      await send(sock, message)
    },
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

/** `sendMessage` resolves when the frame is written; WhatsApp has the message when it says so. */
async function send(sock: WASocket, { to, text, messageId }: OutgoingText): Promise<void> {
  const { promise: answer, resolve } = Promise.withResolvers<BinaryNode | undefined>()
  const hear = (ack: BinaryNode) => {
    if (ack.attrs.id === messageId) resolve(ack)
  }
  const limit = systemClock.startTimer(CONFIRM_MS_MAX, () => resolve(undefined))
  sock.ws.on('CB:ack,class:message', hear)
  try {
    // without a preview, for which the address in a text would be fetched
    const content = { text, linkPreview: null }
    await Promise.race([sock.sendMessage(jidOf(to), content, { messageId }), answer])
    const ack = await answer
    if (!ack) throw new Error(`WhatsApp has not confirmed message ${messageId}`)
    const { error } = ack.attrs
    if (error) throw refusalOfSend(messageId, error)
  } finally {
    limit.cancel()
    sock.ws.off('CB:ack,class:message', hear)
  }
}

function configure(options: BaileysOptions, server: string): Omit<UserFacingSocketConfig, 'auth'> {
  const url = options.url === undefined ? undefined : new URL(options.url)
  // The local simulator tells by this which server a socket belongs to; WhatsApp itself is never told.
  url?.searchParams.set('server', server)
  return {
    ...(url ? { waWebSocketUrl: url } : {}),
    ...(options.clientVersion === undefined ? {} : { version: [...options.clientVersion] }),
    logger: silentLogger,
    // The phone keeps its notifications.
    markOnlineOnConnect: false,
    syncFullHistory: false,
    // What this device sends itself is not received.
    emitOwnEvents: false,
    ...(options.qrValidMs === undefined ? {} : { qrTimeout: options.qrValidMs }),
    ...(options.historySync ? {} : { shouldSyncHistoryMessage: () => false }),
  }
}

function accountOf(me: { id: string; lid?: string } | undefined): Account {
  if (!me) throw new Error('logged in without an account')
  return { jid: me.id, ...(me.lid ? { lid: me.lid } : {}) }
}
