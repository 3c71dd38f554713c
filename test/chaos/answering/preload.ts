/** Loaded into every server of a fleet under chaos: puts an application on top of its sockets. The module
 *  that opens a socket gets baileys.ts of this folder in place of Baileys, and is itself unchanged. */
import { registerHooks } from 'node:module'

const BAILEYS = '@whiskeysockets/baileys'
const ANSWERING = new URL('./baileys.ts', import.meta.url).href
/** The modules that open sockets, in a fleet with Mooring and in one without. */
const SOCKET_MODULES = [
  new URL('../../../hosts/whatsapp/baileys-socket.ts', import.meta.url).href,
  new URL('../../../local/demo/naive-socket.ts', import.meta.url).href,
]

registerHooks({
  resolve(specifier, context, next) {
    const opensSockets = specifier === BAILEYS && SOCKET_MODULES.includes(context.parentURL ?? '')
    return next(opensSockets ? ANSWERING : specifier, context)
  },
})
