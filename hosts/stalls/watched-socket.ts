/** Watches one Baileys socket: its login, its queries, its messages and its lock. What it does not see, hosts/stalls/stall-watch.ts
 *  is told by who does it: sends by the socket's own `send`, requests of the auth state by the options of the socket. */
import type { WASocket } from '@whiskeysockets/baileys'
import { type Clock, sleep } from '../../core/clock.ts'
import type { DeviceWatch } from './stall-watch.ts'
import { type WatchedMessages, watchMessages } from './watched-messages.ts'
import { watchQueries } from './watched-queries.ts'

/** A login that is under way is also bounded by Baileys: the connect and each frame by 20 s, each query by `queryMsMax`. */
const LOGIN_WORDS = 'WhatsApp has not let it log in'
/** Baileys holds the lock over more than sends and decrypts, for one while it synchronises the state of chats. */
const LOCK_LOOKED_AT_EVERY_MS = 5000

/** @param queryMsMax after which Baileys gives a query up
 *  @param closed aborted when the socket is */
export function watchSocket(
  sock: WASocket,
  watch: DeviceWatch,
  { clock, queryMsMax }: { clock: Clock; queryMsMax: number },
  closed: AbortSignal,
): WatchedMessages {
  const login = watch.begin('login', LOGIN_WORDS)
  sock.ev.on('connection.update', ({ connection, qr }) => {
    if (qr !== undefined || connection === 'open' || connection === 'close') login.end()
    if (connection === 'open') void lookAtLock(sock, watch, clock, closed)
  })
  const ping = async () => {
    const query = { tag: 'iq', attrs: { to: 's.whatsapp.net', type: 'get', xmlns: 'w:p' } }
    await sock.query({ ...query, content: [{ tag: 'ping', attrs: {} }] }).catch(() => undefined)
  }
  watchQueries(sock.ws, watch, { clock, ping, pingAfterMs: queryMsMax }, closed)
  return watchMessages(sock.ws, watch)
}

async function lookAtLock(
  sock: WASocket,
  watch: DeviceWatch,
  clock: Clock,
  closed: AbortSignal,
): Promise<void> {
  const { keys, creds } = sock.authState
  while (!closed.aborted) {
    await sleep(clock, LOCK_LOOKED_AT_EVERY_MS, closed)
    if (closed.aborted || !creds.me) return
    const waiting = watch.begin('lock', "work waits for the device's lock")
    await keys.transaction(async () => undefined, creds.me.id).catch(() => undefined)
    waiting.end()
  }
}
