/** Loaded into every server of a fleet under chaos: puts an application on top of its sockets. What opens a socket gets
 *  baileys.ts of this folder for Baileys, and is itself untouched. */
import { registerHooks } from 'node:module'

const BAILEYS = '@whiskeysockets/baileys'
const ANSWERING = new URL('./baileys.ts', import.meta.url).href
/** Who makes sockets, in a fleet with Mooring and in one without. */
const MAKERS = /\/(hosts\/baileys-socket|local\/demo\/naive-socket)\.ts$/

registerHooks({
  resolve(specifier, context, next) {
    const isMaker = specifier === BAILEYS && MAKERS.test(context.parentURL ?? '')
    return next(isMaker ? ANSWERING : specifier, context)
  },
})
