/** Opens a WhatsApp socket with unmodified Baileys.
 *
 *  This room is all that the host knows of WhatsApp: sockets, close codes, sends and received messages. The
 *  connection of a device opens a socket under each permit. Nothing here may send a frame outside the lease,
 *  answer WhatsApp before its credentials are stored, or decide what follows a close. */
import makeWASocket, {
  type BaileysEventMap,
  type BinaryNode,
  DEFAULT_CONNECTION_CONFIG,
  proto,
  type UserFacingSocketConfig,
  type WASocket,
} from '@whiskeysockets/baileys'
import type { WebSocket } from 'ws'
import type { ClientVersion } from '../../core/client-version.ts'
import { systemClock } from '../../core/clock.ts'
import type { Account } from '../../core/store/device-row.ts'
import { WORK_KINDS } from '../stalls/device-watch.ts'
import { createStallWatches, type StallWatches } from '../stalls/stall-watch.ts'
import { watchSocket } from '../stalls/watched-socket.ts'
import { createDeviceLists, type DeviceLists } from './device-lists.ts'
import { closingOf, STALLED, type Told } from './disconnect.ts'
import { createExistenceCheck, type ExistenceCheck } from './existence.ts'
import { guardWire } from './guarded-wire.ts'
import { sendMessage } from './send-message.ts'
import { createSendQueries, type SendQueries } from './send-queries.ts'
import { authOptions } from './signal/safe-repository.ts'
import { silentLogger } from './silent-logger.ts'
import type { OpenSocket, SocketEvents, SocketOptions, WhatsAppSocket } from './socket.ts'
import { framesInOrder, messagesInOrder } from './wire-order.ts'

/** The client version of the package: Baileys logs in with it unless it is told another. */
export const PACKAGE_VERSION: ClientVersion = DEFAULT_CONNECTION_CONFIG.version

/** Baileys' own times for the first QR and those that follow. */
const FIRST_QR_VALID_MS = 60_000
const LATER_QR_VALID_MS = 20_000
/** WhatsApp answers a query within tenths of a second. Baileys holds the device's lock during some
 *  queries. */
const QUERY_MS_MAX = 8000
/** Baileys takes the next message only after it has downloaded a part of the history. */
const HISTORY_MS_MAX = 60_000
/** No frame leaves while credentials are being stored, tries included. */
const CREDS_MS_MAX = 45_000
/** A goodbye that WhatsApp does not answer within this is cut short. */
const CLOSE_MS_MAX = 1000

export interface BaileysOptions {
  /** WhatsApp's own address when left out. */
  readonly url?: string
  readonly historySync: boolean
  /** The package's own when left out. */
  readonly clientVersion?: ClientVersion
  /** How long each QR is shown, for tests; Baileys' own times when left out. */
  readonly qrValidMs?: number
  /** Shared by all sockets of this server; has the limits of hosts/stalls/stall-watch.ts when left out. */
  readonly stalls?: StallWatches
  /** The time after which a query is given up, for tests. */
  readonly queryMsMax?: number
}

export function baileysSockets(options: BaileysOptions): OpenSocket {
  const stalls = options.stalls ?? createStallWatches(systemClock)
  // A number that is on WhatsApp is there for all devices. A number that is not there is missing only for the
  // device that was told so.
  const existence = createExistenceCheck(systemClock)
  return (socket) => openBaileysSocket({ ...options, stalls, existence }, socket)
}

function openBaileysSocket(
  options: BaileysOptions & { readonly stalls: StallWatches; readonly existence: ExistenceCheck },
  { auth, events, server, mayAct }: SocketOptions,
): WhatsAppSocket {
  const queryMsMax = options.queryMsMax ?? QUERY_MS_MAX
  const ended = new AbortController()
  const watch = options.stalls.open({
    stalled: (stall) => events.stalled(stall) && stop(STALLED, `stalled: ${stall.words}`),
    recovered: () => events.recovered(),
  })
  const history = repeatedPause(() => watch.pause(['decrypt'], HISTORY_MS_MAX))
  const decrypted = (stanza: BinaryNode) => {
    history.end()
    messages.decrypted(stanza)
  }
  const auths = authOptions(auth, systemClock, () => wire.terminate(), { watch, decrypted })
  const lists = createDeviceLists(systemClock)
  const queries = createSendQueries(systemClock, queryMsMax, lists, () => sock)
  const sock = makeWASocket({
    ...configure(options, server, history.begin),
    ...waits(queryMsMax, lists, queries),
    ...auths.config,
  })
  const messages = watchSocket(sock, watch, { clock: systemClock, queryMsMax }, ended.signal)
  // Baileys' wrapper hides the WebSocket, and nothing else can be cut without waiting for WhatsApp.
  const wire = (sock.ws as unknown as { socket: WebSocket }).socket
  const { holdUntil } = guardWire(wire, mayAct)
  handleInOrder(sock, wire, events)
  sock.ws.prependListener('CB:message', auths.met)
  const gone = new Promise<void>((resolve) => wire.once('close', () => resolve()))
  let isOver = false

  const over = (code: number, reason: string, told?: Told) => {
    if (isOver) return
    isOver = true
    watch.close()
    ended.abort()
    events.closed(code, reason, told)
  }

  sock.ev.on('creds.update', () => {
    const resume = watch.pause(WORK_KINDS, CREDS_MS_MAX)
    holdUntil(auth.saveCreds().finally(resume))
  })
  tellUpdates(sock, { auth, events, qrValidMs: options.qrValidMs }, (error) => {
    const { code, reason, told } = closingOf(error)
    wire.terminate()
    void gone.then(() => over(code, reason, told))
  })

  const stop = (code: number, reason: string) => {
    wire.terminate()
    void sock.end(undefined)
    over(code, reason)
  }
  return {
    send: (message) =>
      sendMessage({ sock, watch, queries, clock: systemClock, existence: options.existence }, message),
    requestPairingCode: (phoneNumber) => sock.requestPairingCode(phoneNumber),
    logout: () => sock.logout(),
    async close() {
      void sock.end(undefined)
      const late = setTimeout(() => wire.terminate(), CLOSE_MS_MAX)
      await gone
      clearTimeout(late)
      over(0, 'closed by this server')
    },
    cut: () => stop(0, 'cut by this server'),
  }
}

function handleInOrder(sock: WASocket, wire: WebSocket, events: SocketEvents): void {
  framesInOrder(sock.ws, { clock: systemClock, wire })
  messagesInOrder(sock.ws, {
    clock: systemClock,
    isOpen: () => sock.ws.isOpen,
    heldUp: (waiting) => events.heldUp(waiting),
    overflows(waiting) {
      events.heldUp(waiting)
      wire.terminate()
    },
  })
}

interface Ears extends Pick<SocketOptions, 'auth' | 'events'> {
  readonly qrValidMs: number | undefined
}

/** Tells of QRs, pairing, login and messages. `closed` hears the error with which Baileys ended the
 *  socket. */
function tellUpdates(
  sock: WASocket,
  { auth, events, qrValidMs }: Ears,
  closed: (error: Error | undefined) => void,
): void {
  let qrCount = 0
  sock.ev.on('messages.upsert', ({ messages }) => events.received(messages.length))
  sock.ev.on('connection.update', (update: BaileysEventMap['connection.update']) => {
    if (update.qr)
      events.qr(update.qr, qrValidMs ?? (qrCount++ === 0 ? FIRST_QR_VALID_MS : LATER_QR_VALID_MS))
    if (update.isNewLogin) events.paired(accountOf(auth.state.creds.me))
    if (update.connection === 'open') events.open(accountOf(auth.state.creds.me))
    if (update.connection === 'close') closed(update.lastDisconnect?.error)
  })
}

/** A pause whose time starts again at each `begin`. */
function repeatedPause(pause: () => () => void) {
  let resume: () => void = () => undefined
  const end = () => resume()
  const begin = () => {
    end()
    resume = pause()
  }
  return { begin, end }
}

/** Options that limit Baileys' own waits for WhatsApp, and keep them out of the device's lock. */
function waits(queryMsMax: number, lists: DeviceLists, { cachedGroupMetadata }: SendQueries) {
  return { defaultQueryTimeoutMs: queryMsMax, userDevicesCache: lists, cachedGroupMetadata }
}

function configure(
  options: BaileysOptions,
  server: string,
  historyBegins: () => void,
): Omit<UserFacingSocketConfig, 'auth'> {
  const url = options.url === undefined ? undefined : new URL(options.url)
  // The local simulator reads from this which server a socket belongs to. WhatsApp itself is never told.
  url?.searchParams.set('server', server)
  return {
    ...(url ? { waWebSocketUrl: url } : {}),
    ...(options.clientVersion === undefined ? {} : { version: [...options.clientVersion] }),
    logger: silentLogger,
    // The phone keeps its notifications.
    markOnlineOnConnect: false,
    syncFullHistory: false,
    // The device's own messages are not received.
    emitOwnEvents: false,
    ...(options.qrValidMs === undefined ? {} : { qrTimeout: options.qrValidMs }),
    shouldSyncHistoryMessage({ syncType }) {
      if (!options.historySync) return false
      historyBegins()
      // Baileys' own default
      return syncType !== proto.HistorySync.HistorySyncType.FULL
    },
  }
}

function accountOf(me: { id: string; lid?: string } | undefined): Account {
  if (!me) throw new Error('logged in without an account')
  return { jid: me.id, ...(me.lid ? { lid: me.lid } : {}) }
}
