/** A phone's Signal sessions with devices. It uses the same library as the client, over a store in memory. */
import {
  DEFAULT_CONNECTION_CONFIG,
  generateSignalPubKey,
  type proto,
  type SignalCreds,
  type SignalDataSet,
  type SignalDataTypeMap,
  type SignalKeyStoreWithTransaction,
  type SignalRepositoryWithLIDStore,
} from '@whiskeysockets/baileys'
import type { PublicPreKey, PublicSignedPreKey } from './prekeys.ts'

/** The name under which a phone keeps its own sender keys. It never leaves the phone. */
const SELF = '0@s.whatsapp.net'

export interface KeyBundle {
  readonly registrationId: number
  readonly identityKey: Buffer
  readonly signedPreKey: PublicSignedPreKey
  readonly preKey?: PublicPreKey
}

export interface Encrypted {
  readonly type: string
  readonly ciphertext: Buffer
}

/** `[type, id, value]` of every stored item. */
export type SignalEntries = [keyof SignalDataTypeMap, string, unknown][]

export interface SenderKey {
  readonly groupId: string
  readonly message: Uint8Array
}

export interface PhoneSignal {
  /** @param bundle is called only when there is no session yet */
  encrypt(deviceJid: string, plaintext: Uint8Array, bundle: () => KeyBundle): Promise<Encrypted>
  /** @throws Error when the device used a session or key that this phone does not have */
  decrypt(deviceJid: string, encrypted: Encrypted): Promise<Uint8Array>
  forgetSession(deviceJid: string): Promise<void>
  /** Encrypts under this phone's sender key, and returns that key for members who do not have it yet. */
  encryptGroup(group: string, plaintext: Uint8Array): Promise<{ ciphertext: Buffer; senderKey: SenderKey }>
  /** @throws Error when this phone does not have the device's sender key */
  decryptGroup(group: string, deviceJid: string, ciphertext: Buffer): Promise<Uint8Array>
  senderKey(group: string): Promise<SenderKey>
  learnSenderKey(deviceJid: string, item: proto.Message.ISenderKeyDistributionMessage): Promise<void>
  entries(): SignalEntries
}

export function makePhoneSignal(creds: SignalCreds, saved: SignalEntries, changed: () => void): PhoneSignal {
  const items = new Map(saved.map((entry) => [itemKey(entry[0], entry[1]), entry]))
  let repository: SignalRepositoryWithLIDStore | undefined
  let last: Promise<unknown> = Promise.resolve()

  const signal = () => {
    // Made with the first message, because most phones only link a device and never write.
    repository ??= DEFAULT_CONNECTION_CONFIG.makeSignalRepository({ creds, keys: memoryStore(items) }, SILENT)
    return repository
  }
  /** Runs one step of a ratchet after the other. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work)
    last = turn.catch(() => undefined).then(changed)
    return turn
  }
  return {
    encrypt: (jid, plaintext, bundle) =>
      inTurn(async () => {
        const { exists } = await signal().validateSession(jid)
        if (!exists) await signal().injectE2ESession({ jid, session: sessionOf(bundle()) })
        const { type, ciphertext } = await signal().encryptMessage({ jid, data: plaintext })
        return { type, ciphertext: Buffer.from(ciphertext) }
      }),
    decrypt: (jid, { type, ciphertext }) =>
      inTurn(() => {
        if (type !== 'pkmsg' && type !== 'msg') throw new Error(`a phone cannot read ${type}`)
        return signal().decryptMessage({ jid, type, ciphertext })
      }),
    encryptGroup: (group, plaintext) =>
      inTurn(async () => {
        const sealed = await signal().encryptGroupMessage({ group, meId: SELF, data: plaintext })
        return {
          ciphertext: Buffer.from(sealed.ciphertext),
          senderKey: { groupId: group, message: sealed.senderKeyDistributionMessage },
        }
      }),
    decryptGroup: (group, authorJid, msg) =>
      inTurn(() => signal().decryptGroupMessage({ group, authorJid, msg })),
    senderKey: (groupId) =>
      inTurn(async () => {
        const message = await signal().getSenderKeyDistributionMessage({ group: groupId, meId: SELF })
        return { groupId, message }
      }),
    learnSenderKey: (authorJid, item) =>
      inTurn(() => signal().processSenderKeyDistributionMessage({ authorJid, item })),
    forgetSession: (jid) => inTurn(() => signal().deleteSession([jid])),
    entries: () => [...items.values()],
  }
}

function sessionOf({ registrationId, identityKey, signedPreKey, preKey }: KeyBundle) {
  const prefixed = <K extends PublicPreKey>(key: K) => ({
    ...key,
    publicKey: generateSignalPubKey(key.publicKey),
  })
  return {
    registrationId,
    identityKey: generateSignalPubKey(identityKey),
    signedPreKey: prefixed(signedPreKey),
    ...(preKey && { preKey: prefixed(preKey) }),
  }
}

function memoryStore(items: Map<string, SignalEntries[number]>): SignalKeyStoreWithTransaction {
  return {
    get(type, ids) {
      const found = ids.flatMap((id) => {
        const entry = items.get(itemKey(type, id))
        return entry ? [[id, entry[2]]] : []
      })
      return Object.fromEntries(found)
    },
    set(data: SignalDataSet) {
      for (const [type, byId] of Object.entries(data) as [
        keyof SignalDataTypeMap,
        Record<string, unknown>,
      ][]) {
        for (const [id, value] of Object.entries(byId)) {
          if (value === null) items.delete(itemKey(type, id))
          else items.set(itemKey(type, id), [type, id, value])
        }
      }
    },
    // Callers take turns already, and a store in memory cannot fail between two writes.
    transaction: (work) => work(),
    isInTransaction: () => true,
  }
}

function itemKey(type: string, id: string): string {
  return `${type}/${id}`
}

type Logger = Parameters<typeof DEFAULT_CONNECTION_CONFIG.makeSignalRepository>[1]
const nothing = () => undefined
const SILENT: Logger = {
  level: 'silent',
  child: () => SILENT,
  trace: nothing,
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
}
