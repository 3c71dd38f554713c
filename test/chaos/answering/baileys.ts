/** Baileys with an application on top: it answers each text with the same text, so that messages go both
 *  ways. */
import makeWASocket, { type UserFacingSocketConfig, type WASocket } from '@whiskeysockets/baileys'
import { answerTo } from './answer.ts'

export * from '@whiskeysockets/baileys'

function makeAnsweringSocket(config: UserFacingSocketConfig): WASocket {
  const socket = makeWASocket(config)
  socket.ev.on('messages.upsert', ({ messages }) => {
    for (const { key, message } of messages) {
      const text = message?.conversation ?? message?.extendedTextMessage?.text
      if (key.fromMe || !key.remoteJid || !text) continue
      // A socket that closes meanwhile does not answer. The other end counts the missing answer.
      socket.sendMessage(key.remoteJid, { text: answerTo(text) }).catch((error: unknown) => {
        process.stderr.write(
          `${socket.user?.id} did not answer: ${error instanceof Error ? error.message : 'why?'}\n`,
        )
      })
    }
  })
  return socket
}

// biome-ignore lint/style/noDefaultExport: it stands in for a module that has one
export default makeAnsweringSocket
