/** Maps a session of whatsmeow to libsignal's form, which Baileys stores. whatsmeow stores the JSON of
 *  go.mau.fi/libsignal (`serialize/JSONSerializer.go`, `state/record/SessionState.go`): a present state, and
 *  the states before it, newest first. libsignal for Node (`src/session_record.js`) has all of them in one
 *  object by base key, one of them open. Pure.
 *
 *  - A chain's `Index` is the number of the next message; `counter` is the number of the last one.
 *  - The chain of an initiator's first receiver key was never used. libsignal has none, and with one it would
 *    try to fill it up to the contact's previous counter.
 *  - The keys of overtaken messages are stored there after their derivation, and here before it. The
 *    derivation has no way back, so these keys are lost. */
import { base64In, DamagedRow, type Fields, fieldsOf, listOf, numberIn, publicKeyIn } from './values.ts'

const VERSION = 3
const SECRET_BYTES = 32
const SENDING = 1
const RECEIVING = 2
const OURS = 1
const THEIRS = 2
const OPEN = -1
/** Go computes it as 0 - 1 without a sign when nothing was sent in the chain before. */
const NOTHING_SENT = 0xffff_ffff

export interface SessionState {
  readonly baseKey: string
  readonly entry: Fields
  /** Keys of messages that were overtaken by later ones. They cannot be mapped. */
  readonly overtaken: number
}

/** @param record what whatsmeow stores for an address
 *  @param identity the device's public identity key, with the byte of its curve
 *  @returns its states, the present one first; states of an earlier identity are left out
 *  @throws DamagedRow */
export function sessionStates(record: Fields, identity: Buffer): SessionState[] {
  const present = fieldsOf(record.SessionState, 'a session')
  const before = listOf(record.PreviousStates, 'the list of earlier sessions')
  return [present, ...before.map((state) => fieldsOf(state, 'an earlier session'))]
    .filter((state) => publicKeyIn(state.LocalIdentityPublic, 'an identity key').equals(identity))
    .map(stateOf)
}

function stateOf(state: Fields): SessionState {
  if (state.SessionVersion !== VERSION) throw new DamagedRow('a session has another version')
  const sender = chainOf(state.SenderChain)
  const receivers = listOf(state.ReceiverChains, 'the list of chains').map(chainOf)
  const used = receivers.filter(({ chainKey, overtaken }) => chainKey.counter >= 0 || overtaken > 0)
  const baseKey = publicKeyIn(state.SenderBaseKey, 'a base key').toString('base64')
  const previousCounter = numberIn(state.PreviousCounter, 'a counter')
  const pending = state.PendingPreKey
  return {
    baseKey,
    overtaken: used.reduce((sum, { overtaken }) => sum + overtaken, 0),
    entry: {
      registrationId: numberIn(state.RemoteRegistrationID, 'a registration id'),
      currentRatchet: {
        ephemeralKeyPair: {
          pubKey: sender.ratchetKey,
          privKey: base64In(sender.ratchetPrivate, 'a ratchet key', SECRET_BYTES).toString('base64'),
        },
        lastRemoteEphemeralKey: receivers.at(-1)?.ratchetKey ?? baseKey,
        previousCounter: previousCounter === NOTHING_SENT ? 0 : previousCounter,
        rootKey: base64In(state.RootKey, 'a root key', SECRET_BYTES).toString('base64'),
      },
      indexInfo: {
        baseKey,
        // Only the initiator of a session that was not answered yet has a pending pre-key. Of an answered one
        // it makes no difference: no contact ever sends this device's own base key.
        baseKeyType: pending ? OURS : THEIRS,
        remoteIdentityKey: publicKeyIn(state.RemoteIdentityPublic, 'an identity key').toString('base64'),
      },
      _chains: Object.fromEntries([
        ...used.map(({ ratchetKey, chainKey }) => [ratchetKey, chain(chainKey, RECEIVING)]),
        [sender.ratchetKey, chain(sender.chainKey, SENDING)],
      ]),
      ...(pending ? { pendingPreKey: pendingPreKey(fieldsOf(pending, 'a pending pre-key')) } : {}),
    },
  }
}

function chainOf(value: unknown) {
  const stored = fieldsOf(value, 'a chain')
  const key = fieldsOf(stored.ChainKey, 'a chain key')
  return {
    ratchetKey: publicKeyIn(stored.SenderRatchetKeyPublic, 'a ratchet key').toString('base64'),
    ratchetPrivate: stored.SenderRatchetKeyPrivate,
    chainKey: {
      counter: numberIn(key.Index, 'a counter') - 1,
      key: base64In(key.Key, 'a chain key', SECRET_BYTES).toString('base64'),
    },
    overtaken: listOf(stored.MessageKeys, 'the list of message keys').length,
  }
}

function chain(chainKey: Fields, chainType: number) {
  return { chainKey, chainType, messageKeys: {} }
}

function pendingPreKey(pending: Fields) {
  const preKey = pending.PreKeyID ? fieldsOf(pending.PreKeyID, 'a pre-key id') : undefined
  return {
    signedKeyId: numberIn(pending.SignedPreKeyID, 'a pre-key id'),
    baseKey: publicKeyIn(pending.BaseKey, 'a base key').toString('base64'),
    ...(preKey && preKey.IsEmpty !== true ? { preKeyId: numberIn(preKey.Value, 'a pre-key id') } : {}),
  }
}

/** Puts the states of one contact's device into one record. The first is open. libsignal only compares the
 *  times of states, so their order stands in for times that whatsmeow does not keep.
 *  @param states newest first */
export function sessionRecord(states: readonly SessionState[]): Fields {
  const sessions: Record<string, unknown> = {}
  for (const [at, { baseKey, entry }] of states.entries()) {
    if (baseKey in sessions) continue
    const time = states.length - at
    const times = { closed: at === 0 ? OPEN : time, used: time, created: time }
    sessions[baseKey] = { ...entry, indexInfo: { ...(entry.indexInfo as Fields), ...times } }
  }
  return { _sessions: sessions, version: 'v1' }
}
