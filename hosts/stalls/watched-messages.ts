/** Watches each message that comes until it is decrypted or refused. Baileys handles a live one at once, and its listener
 *  tells when that has ended; those that had waited at WhatsApp it queues, one after the other. */
import type { EventEmitter } from 'node:events'
import type { BinaryNode } from '@whiskeysockets/baileys'
import type { DeviceWatch, Work } from './stall-watch.ts'

const MESSAGE = 'CB:message'
const WORDS = 'a message that was received waits to be decrypted'

export interface WatchedMessages {
  /** A ciphertext of this stanza was decrypted, or could not be. */
  decrypted(stanza: BinaryNode): void
}

/** Call it before anybody else listens for messages than Baileys itself. */
export function watchMessages(
  ws: Pick<EventEmitter, 'listeners' | 'on' | 'off'>,
  watch: Pick<DeviceWatch, 'begin'>,
): WatchedMessages {
  const live = new Map<BinaryNode, Work>()
  const queued = new Map<BinaryNode, Work>()

  const end = (works: Map<BinaryNode, Work>, stanza: BinaryNode) => {
    works.get(stanza)?.end()
    works.delete(stanza)
  }
  for (const hear of ws.listeners(MESSAGE)) {
    ws.off(MESSAGE, hear as () => void)
    ws.on(MESSAGE, async (stanza: BinaryNode) => {
      const isQueued = stanza.attrs.offline !== undefined
      if (!isQueued || hasCiphertext(stanza))
        (isQueued ? queued : live).set(stanza, watch.begin('decrypt', WORDS))
      try {
        await hear(stanza)
      } finally {
        end(live, stanza)
      }
    })
  }
  return {
    decrypted(stanza) {
      end(live, stanza)
      if (!queued.has(stanza)) return
      // One that was queued before and is not decrypted never will be: it was refused.
      for (const earlier of [...queued.keys()]) {
        end(queued, earlier)
        if (earlier === stanza) return
      }
    },
  }
}

/** Of a kind that Baileys decrypts; it refuses the others at once. */
function hasCiphertext({ content }: BinaryNode): boolean {
  if (!Array.isArray(content)) return false
  const [first] = content.filter(({ tag }) => tag === 'enc')
  return first !== undefined && ['pkmsg', 'msg', 'skmsg'].includes(first.attrs.type ?? '')
}
