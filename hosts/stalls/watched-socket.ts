/** Watches one Baileys socket: its login, its queries, its messages and its lock. The other kinds of work
 *  report themselves to hosts/stalls/stall-watch.ts: sends in hosts/whatsapp/send-message.ts, requests of
 *  the store in hosts/whatsapp/signal/safe-repository.ts. */
import type { WASocket } from '@whiskeysockets/baileys'
import { type Clock, sleep } from '../../core/clock.ts'
import type { DeviceWatch } from './device-watch.ts'
import { type WatchedMessages, watchMessages } from './watched-messages.ts'
import { watchQueries } from './watched-queries.ts'

/** Baileys limits a login as well: the connect and each frame to 20 s, each query to `queryMsMax`. */
const LOGIN_WORDS = 'WhatsApp has not let it log in'
/** Baileys holds the lock not only for sends and decrypts, but also while it synchronises the state of
 *  chats. */
const LOCK_LOOKED_AT_EVERY_MS = 5000

/** @param queryMsMax the time after which Baileys gives a query up
 *  @param closed aborted when the socket is closed */
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
