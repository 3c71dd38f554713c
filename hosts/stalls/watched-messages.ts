/** Watches each message from its arrival until it is decrypted or refused. Baileys handles a live message at
 *  once, and its listener ends when the message is handled. Messages that waited at WhatsApp are queued, and
 *  the listener ends before. */
import type { EventEmitter } from 'node:events'
import type { BinaryNode } from '@whiskeysockets/baileys'
import type { DeviceWatch, Work } from './device-watch.ts'

const MESSAGE = 'CB:message'
const WORDS = 'a message that was received waits to be decrypted'

export interface WatchedMessages {
  /** A decrypt of this stanza has ended, well or not. */
  decrypted(stanza: BinaryNode): void
}

/** Call this while Baileys itself is the only listener for messages. */
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
      // Messages that were queued earlier and are not decrypted by now were refused.
      for (const earlier of [...queued.keys()]) {
        end(queued, earlier)
        if (earlier === stanza) return
      }
    },
  }
}

/** Whether Baileys will decrypt the stanza. It refuses other kinds at once. */
function hasCiphertext({ content }: BinaryNode): boolean {
  if (!Array.isArray(content)) return false
  const [first] = content.filter(({ tag }) => tag === 'enc')
  return first !== undefined && ['pkmsg', 'msg', 'skmsg'].includes(first.attrs.type ?? '')
}
