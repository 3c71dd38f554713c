/** Maps a sender key of whatsmeow to Baileys' form. whatsmeow stores the JSON of go.mau.fi/libsignal
 *  (`groups/state/record/SenderKeyState.go`), newest state first. Baileys stores its own JSON as bytes
 *  (`Signal/Group/sender-key-record.js`), newest state last. Both keep the seeds of overtaken messages.
 *  Pure. */
import { BufferJSON } from '@whiskeysockets/baileys'
import { base64In, type Fields, fieldsOf, listOf, numberIn, publicKeyIn } from './values.ts'

const SECRET_BYTES = 32
const NONE = Buffer.alloc(0)

/** @param records what whatsmeow stores for a group and a sender; the first counts most
 *  @returns undefined when they hold no state
 *  @throws DamagedRow */
export function senderKeyRecord(records: readonly Fields[]): Buffer | undefined {
  const states = records.flatMap((record) =>
    listOf(record.SenderKeyStates, 'the list of sender keys').map(stateOf),
  )
  // whatsmeow reads the newest state of an id, and Baileys the oldest.
  const newest = states.filter(
    ({ senderKeyId }, at) => states.findIndex((other) => other.senderKeyId === senderKeyId) === at,
  )
  if (newest.length === 0) return undefined
  return Buffer.from(JSON.stringify(newest.toReversed(), BufferJSON.replacer))
}

function stateOf(value: unknown) {
  const state = fieldsOf(value, 'a sender key')
  const chain = fieldsOf(state.SenderChainKey, 'a chain key')
  return {
    senderKeyId: numberIn(state.KeyID, 'a sender key id'),
    senderChainKey: {
      iteration: numberIn(chain.Iteration, 'a counter'),
      seed: base64In(chain.ChainKey, 'a chain key', SECRET_BYTES),
    },
    senderSigningKey: {
      public: publicKeyIn(state.SigningKeyPublic, 'a signing key'),
      private: privateKey(state.SigningKeyPrivate),
    },
    senderMessageKeys: listOf(state.Keys, 'the list of message keys').map(messageKey),
  }
}

/** The private key of another sender is unknown: null, or zeros once whatsmeow has read it back. */
function privateKey(value: unknown): Buffer {
  if (value === null || value === undefined) return NONE
  const key = base64In(value, 'a signing key', SECRET_BYTES)
  return key.every((byte) => byte === 0) ? NONE : key
}

function messageKey(value: unknown) {
  const key = fieldsOf(value, 'a message key')
  return {
    iteration: numberIn(key.Iteration, 'a counter'),
    seed: base64In(key.Seed, 'a message key', SECRET_BYTES),
  }
}
