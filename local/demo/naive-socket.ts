/** Opens a Baileys socket as Baileys' README shows it: with credentials in a folder, saved when they
 *  change. */
import { join } from 'node:path'
import { Boom } from '@hapi/boom'
import makeWASocket, { useMultiFileAuthState, type WASocket } from '@whiskeysockets/baileys'
import { silentLogger } from '../../hosts/whatsapp/silent-logger.ts'

export interface NaiveSocketOptions {
  readonly deviceId: string
  readonly authDir: string
  readonly whatsAppUrl: string
  /** Tells the simulator which server has the socket. */
  readonly server: string
  readonly qr?: (qr: string) => void
  readonly open?: () => void
  /** Called once, with the status code that ended the socket. */
  readonly closed?: (code: number) => void
}

export async function openNaiveSocket(options: NaiveSocketOptions): Promise<WASocket> {
  const { state, saveCreds } = await useMultiFileAuthState(join(options.authDir, options.deviceId))
  const socket = makeWASocket({
    waWebSocketUrl: `${options.whatsAppUrl}?server=${options.server}`,
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
    if (qr) options.qr?.(qr)
    if (connection === 'open') options.open?.()
    if (connection !== 'close') return
    const error = lastDisconnect?.error
    const code = error instanceof Boom ? error.output.statusCode : 0
    // The next socket reads the credentials that this socket has saved.
    void saving.then(() => options.closed?.(code))
  })
  return socket
}
