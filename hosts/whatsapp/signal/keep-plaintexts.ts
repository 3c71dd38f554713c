/** Keeps each plaintext in the inbox before its key is used up, and gives it back when WhatsApp delivers the
 *  same ciphertext again. The key is gone by then, so Baileys would refuse the message for good. These are
 *  two repairs, since one has to run inside the transaction of a decrypt and the other outside. */
import { createHash } from 'node:crypto'
import type { BinaryNode } from '@whiskeysockets/baileys'
import type { Clock } from '../../../core/clock.ts'
import { MooringError } from '../../../core/errors.ts'
import type { Inbox, KeptStanza } from '../../auth-state/inbox.ts'
import type { Repair } from './repository.ts'

/** A message waits at most this long for room in the inbox. Then its socket is closed, and WhatsApp keeps the
 *  message. */
export const ROOM_MS_MAX = 60_000
/** A byte of padding: a message without content. Baileys acknowledges it like any other. */
const EMPTY_MESSAGE = Buffer.from([1])
const ENCRYPTED = ['pkmsg', 'msg', 'skmsg']

/** Finds the stanza that a ciphertext came in: Baileys hands the Signal repository the ciphertext alone. */
export interface Stanzas {
  /** Call it with each stanza before Baileys handles it. */
  met(stanza: BinaryNode): void
  of(ciphertext: Uint8Array): BinaryNode | undefined
}

/** Keyed weakly by the buffer that Baileys hands on: a stanza is forgotten with its buffers. */
export function rememberStanzas(): Stanzas {
  const stanzas = new WeakMap<Uint8Array, BinaryNode>()
  return {
    met(stanza) {
      for (const { content } of ciphertextsOf(stanza)) stanzas.set(content, stanza)
    },
    of: (ciphertext) => stanzas.get(ciphertext),
  }
}

/** Runs inside the transaction of a decrypt: the plaintext is stored before the session, which the commit
 *  stores. */
export function keepPlaintexts(inbox: Inbox, stanzas: Stanzas, clock: Pick<Clock, 'wallMs'>): Repair {
  return (make) => (auth, logger, pnToLID) => {
    const repository = make(auth, logger, pnToLID)
    const keep = async (ciphertext: Uint8Array, plaintext: Uint8Array) => {
      const stanza = stanzas.of(ciphertext)
      if (!stanza) return plaintext
      const known = await inbox.find(hashOf(stanza))
      if (known === 'taken') return plaintext
      const entry = known ?? { hash: hashOf(stanza), keptAt: clock.wallMs(), ...bare(stanza) }
      const index = ciphertextsOf(stanza).findIndex(({ content }) => content === ciphertext)
      if (!plaintextIn(entry, index)) await inbox.keep(withPlaintext(entry, index, plaintext))
      return plaintext
    }
    return {
      ...repository,
      decryptMessage: async (message) => keep(message.ciphertext, await repository.decryptMessage(message)),
      decryptGroupMessage: async (message) =>
        keep(message.msg, await repository.decryptGroupMessage(message)),
    }
  }
}

/** Runs outside the transaction of a decrypt: what a failed decrypt has changed is rolled back before it
 *  returns.
 *  @param noRoom called when the application has taken nothing for too long: the socket has to be closed */
export function giveBackPlaintexts(inbox: Inbox, stanzas: Stanzas, clock: Clock, noRoom: () => void): Repair {
  return (make) => (auth, logger, pnToLID) => {
    const repository = make(auth, logger, pnToLID)
    const orGiveBack = async (ciphertext: Uint8Array, decrypt: () => Promise<Uint8Array>) => {
      const stanza = stanzas.of(ciphertext)
      if (!stanza) return decrypt()
      const known = await inbox.find(hashOf(stanza))
      if (!known) await roomIn(inbox, clock, noRoom)
      try {
        // Tried even when the plaintext is known: its session may not have been stored.
        return await decrypt()
      } catch (error) {
        const index = ciphertextsOf(stanza).findIndex(({ content }) => content === ciphertext)
        const plaintext = known === 'taken' ? EMPTY_MESSAGE : known && plaintextIn(known, index)
        if (plaintext) return plaintext
        throw error
      }
    }
    return {
      ...repository,
      decryptMessage: (message) => orGiveBack(message.ciphertext, () => repository.decryptMessage(message)),
      decryptGroupMessage: (message) =>
        orGiveBack(message.msg, () => repository.decryptGroupMessage(message)),
    }
  }
}

async function roomIn(inbox: Inbox, clock: Clock, noRoom: () => void): Promise<void> {
  const limit = new AbortController()
  const timer = clock.startTimer(ROOM_MS_MAX, () => limit.abort())
  const hasRoom = await inbox.room(limit.signal)
  timer.cancel()
  if (hasRoom) return
  noRoom()
  throw new MooringError('INBOX_FULL', 'nobody takes the messages of this device')
}

interface Ciphertext extends BinaryNode {
  readonly content: Uint8Array
}

function ciphertextsOf({ content }: BinaryNode): Ciphertext[] {
  if (!Array.isArray(content)) return []
  return content.filter(
    (child): child is Ciphertext =>
      child.tag === 'enc' &&
      ENCRYPTED.includes(child.attrs.type ?? '') &&
      child.content instanceof Uint8Array,
  )
}

function hashOf(stanza: BinaryNode): string {
  const hash = createHash('sha256')
  for (const { content } of ciphertextsOf(stanza)) hash.update(content)
  return hash.digest('base64url')
}

/** The stanza without its ciphertexts. With the plaintexts it is all that a message is made from. */
function bare(stanza: BinaryNode): Pick<KeptStanza, 'stanza' | 'missing'> {
  const content = ciphertextsOf(stanza).map(({ tag, attrs }) => ({ tag, attrs }))
  return { stanza: { tag: stanza.tag, attrs: stanza.attrs, content }, missing: content.length }
}

function plaintextIn({ stanza }: KeptStanza, index: number): Uint8Array | undefined {
  const plaintext = Array.isArray(stanza.content) ? stanza.content[index]?.content : undefined
  return plaintext instanceof Uint8Array ? plaintext : undefined
}

function withPlaintext(kept: KeptStanza, index: number, plaintext: Uint8Array): KeptStanza {
  const { stanza, missing } = kept
  const children = Array.isArray(stanza.content) ? stanza.content : []
  const content = children.map((child, at) =>
    at === index ? { ...child, content: Buffer.from(plaintext) } : child,
  )
  return { ...kept, stanza: { ...stanza, content }, missing: missing - 1 }
}
