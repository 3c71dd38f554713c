/** Keeps what is decrypted in the inbox before the key that decrypted it is used up, and gives it back when WhatsApp
 *  delivers the same ciphertext again: the key is gone then, and Baileys would refuse the message for good. */
import { createHash } from 'node:crypto'
import type { BinaryNode } from '@whiskeysockets/baileys'
import type { Clock } from '../../../core/clock.ts'
import { MooringError } from '../../../core/errors.ts'
import type { Inbox, KeptStanza } from '../../auth-state/inbox.ts'
import type { MakeSignalRepository } from './repository.ts'

/** While the inbox is full, messages wait for so long before their socket is closed; WhatsApp then keeps them. */
export const ROOM_MS_MAX = 60_000
/** One byte of padding: a message without content. Baileys acknowledges it like any other. */
const EMPTY_MESSAGE = Buffer.from([1])
const ENCRYPTED = ['pkmsg', 'msg', 'skmsg']

/** Which stanza a ciphertext came in: the Signal repository is handed the ciphertext alone. */
export interface Stanzas {
  /** Call it with each stanza before Baileys handles it. */
  met(stanza: BinaryNode): void
  of(ciphertext: Uint8Array): BinaryNode | undefined
}

/** Keyed by the very buffer that Baileys hands on, so that nothing has to be forgotten. */
export function meetStanzas(): Stanzas {
  const stanzas = new WeakMap<Uint8Array, BinaryNode>()
  return {
    met(stanza) {
      for (const { content } of ciphertextsOf(stanza)) stanzas.set(content, stanza)
    },
    of: (ciphertext) => stanzas.get(ciphertext),
  }
}

/** The inner half: inside the transaction of a decrypt, so that the plaintext is stored before the session is. */
export function keepsPlaintexts(
  inbox: Inbox,
  stanzas: Stanzas,
  clock: Pick<Clock, 'wallMs'>,
  make: MakeSignalRepository,
): MakeSignalRepository {
  return (auth, logger, pnToLID) => {
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
      decryptMessage: async (wish) => keep(wish.ciphertext, await repository.decryptMessage(wish)),
      decryptGroupMessage: async (wish) => keep(wish.msg, await repository.decryptGroupMessage(wish)),
    }
  }
}

/** The outer half: outside the transaction, so that what a failed decrypt has changed is rolled back.
 *  @param noRoom called when nobody has taken anything for too long: the socket has to be closed */
export function givesBackPlaintexts(
  inbox: Inbox,
  stanzas: Stanzas,
  clock: Clock,
  noRoom: () => void,
  make: MakeSignalRepository,
): MakeSignalRepository {
  return (auth, logger, pnToLID) => {
    const repository = make(auth, logger, pnToLID)
    const orGiveBack = async (ciphertext: Uint8Array, decrypt: () => Promise<Uint8Array>) => {
      const stanza = stanzas.of(ciphertext)
      if (!stanza) return decrypt()
      const known = await inbox.find(hashOf(stanza))
      if (!known) await room(inbox, clock, noRoom)
      try {
        // Tried also when it is known: the session of a message that was kept may not have been stored.
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
      decryptMessage: (wish) => orGiveBack(wish.ciphertext, () => repository.decryptMessage(wish)),
      decryptGroupMessage: (wish) => orGiveBack(wish.msg, () => repository.decryptGroupMessage(wish)),
    }
  }
}

async function room(inbox: Inbox, clock: Clock, noRoom: () => void): Promise<void> {
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

/** The stanza without its ciphertexts: what is needed to make a message of the plaintexts. */
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
