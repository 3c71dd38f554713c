/** A Baileys socket as its README shows it: credentials in a folder, saved when they change. */
import { join } from 'node:path'
import { Boom } from '@hapi/boom'
import makeWASocket, { useMultiFileAuthState, type WASocket } from '@whiskeysockets/baileys'
import { silentLogger } from '../../hosts/whatsapp/silent-logger.ts'

export interface NaiveSocketWish {
  readonly deviceId: string
  readonly authDir: string
  readonly whatsAppUrl: string
  /** Tells the simulator whose socket it is. */
  readonly server: string
  readonly qr?: (qr: string) => void
  readonly open?: () => void
  /** The last word of this socket, with the status code that ended it. */
  readonly closed?: (code: number) => void
}

export async function openNaiveSocket(wish: NaiveSocketWish): Promise<WASocket> {
  const { state, saveCreds } = await useMultiFileAuthState(join(wish.authDir, wish.deviceId))
  const socket = makeWASocket({
    waWebSocketUrl: `${wish.whatsAppUrl}?server=${wish.server}`,
    auth: state,
    logger: silentLogger,
    markOnlineOnConnect: false,
    syncFullHistory: false,
    shouldSyncHistoryMessage: () => false,
  })
  let saving = Promise.resolve()
  socket.ev.on('creds.update', () => {
    saving = saving.then(saveCreds)
  })
  socket.ev.on('connection.update', ({ connection, lastDisconnect, qr }) => {
    if (qr) wish.qr?.(qr)
    if (connection === 'open') wish.open?.()
    if (connection !== 'close') return
    const error = lastDisconnect?.error
    const code = error instanceof Boom ? error.output.statusCode : 0
    // The next socket reads what this one has saved.
    void saving.then(() => wish.closed?.(code))
  })
  return socket
}
