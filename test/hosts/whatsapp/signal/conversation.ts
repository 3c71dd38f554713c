/** A device and its contacts that talk through Baileys' own Signal code. The device uses the auth state
 *  under test, and each contact a memory of its own. */
import {
  addTransactionCapability,
  Curve,
  generateSignalPubKey,
  initAuthCreds,
  type SignalDataTypeMap,
  type SignalKeyStore,
  type SignalKeyStoreWithTransaction,
  type SignalRepositoryWithLIDStore,
  signedKeyPair,
} from '@whiskeysockets/baileys'
import { type Clock, systemClock } from '../../../../core/clock.ts'
import type { OpenAuthState } from '../../../../hosts/auth-state/auth-state.ts'
import { UNWATCHED } from '../../../../hosts/stalls/device-watch.ts'
import { rememberStanzas } from '../../../../hosts/whatsapp/signal/keep-plaintexts.ts'
import { repairsOf } from '../../../../hosts/whatsapp/signal/repairs.ts'
import {
  libsignalRepository,
  type MakeSignalRepository,
  repaired,
} from '../../../../hosts/whatsapp/signal/repository.ts'
import { authOptions } from '../../../../hosts/whatsapp/signal/safe-repository.ts'
import { earlyKeys } from '../../../../hosts/whatsapp/signal/store-before-send.ts'
import { silentLogger } from '../../auth-state/fixtures.ts'

type Encrypted = Awaited<ReturnType<SignalRepositoryWithLIDStore['encryptMessage']>>
const PRE_KEY_ID = 7

export interface Party {
  readonly jid: string
  readonly repository: SignalRepositoryWithLIDStore
  encrypt(to: string, text: string): Promise<Encrypted>
  decrypt(from: string, message: Encrypted): Promise<string>
}

/** In the order of the list in hosts/whatsapp/signal/repairs.ts. */
export const REPAIRS = [
  'keepUnusedSessions',
  'failOnUnread',
  'oneDevicePerContact',
  'storeBeforeSend',
  'keepPlaintexts',
  'oneAtATime',
  'giveBackPlaintexts',
] as const
export type RepairName = (typeof REPAIRS)[number]

/** A device whose repository has all repairs but one; with all of them when none is named. The store is asked
 *  once. */
export function repairedParty(jid: string, auth: OpenAuthState, without?: RepairName) {
  const { creds } = auth.state
  creds.me = { id: jid }
  const early = earlyKeys(auth.state.keys)
  const stanzas = rememberStanzas()
  const repairs = repairsOf({
    creds,
    keys: early,
    inbox: auth.inbox,
    stanzas,
    clock: systemClock,
    cut: () => undefined,
    watch: UNWATCHED,
  })
  const kept = repairs.filter((_, at) => REPAIRS[at] !== without)
  const keys = addTransactionCapability(early, silentLogger, { maxCommitRetries: 1, delayBetweenTriesMs: 0 })
  const repository = repaired(libsignalRepository, kept)({ creds, keys }, silentLogger)
  return { ...partyOf(jid, repository, keys), keys, stanzas, repairs: repairs.length }
}

/** A device as makeWASocket sets it up.
 *  @param wrong takes the place of the Signal repository that Mooring makes */
export function deviceParty(
  jid: string,
  auth: OpenAuthState,
  wrong?: MakeSignalRepository,
  clock: Clock = systemClock,
): Party {
  const { creds } = auth.state
  creds.me = { id: jid }
  const { config } = authOptions(auth, clock, () => undefined)
  const keys = addTransactionCapability(config.auth.keys, silentLogger, config.transactionOpts)
  const repository = (wrong ?? config.makeSignalRepository)({ creds, keys }, silentLogger)
  return partyOf(jid, repository, keys)
}

/** Sends lock the device's own jid, as Baileys does. */
function partyOf(
  jid: string,
  repository: SignalRepositoryWithLIDStore,
  keys: SignalKeyStoreWithTransaction,
): Party {
  return {
    jid,
    repository,
    encrypt: (to, text) =>
      keys.transaction(() => repository.encryptMessage({ jid: to, data: Buffer.from(text) }), jid),
    decrypt: async (from, message) =>
      Buffer.from(await repository.decryptMessage({ jid: from, ...message })).toString(),
  }
}

/** A contact takes one step after the other. */
export function contactParty(jid: string) {
  const creds = initAuthCreds()
  const memory = memoryKeys()
  const keys = addTransactionCapability(memory, silentLogger, { maxCommitRetries: 1, delayBetweenTriesMs: 0 })
  const repository = libsignalRepository({ creds, keys }, silentLogger)
  const { keyPair, signature, keyId } = signedKeyPair(creds.signedIdentityKey, 1)
  creds.signedPreKey.keyPair.public = keyPair.public
  creds.signedPreKey.keyPair.private = keyPair.private
  /** The keys with which a device begins a session. Each bundle has a pre-key of its own. */
  function bundleWith(preKeyId: number) {
    const preKey = Curve.generateKeyPair()
    void memory.set({ 'pre-key': { [preKeyId]: preKey } })
    return {
      registrationId: creds.registrationId,
      identityKey: generateSignalPubKey(creds.signedIdentityKey.public),
      signedPreKey: { keyId, signature, publicKey: generateSignalPubKey(keyPair.public) },
      preKey: { keyId: preKeyId, publicKey: generateSignalPubKey(preKey.public) },
    }
  }
  return {
    jid,
    repository,
    bundle: bundleWith(PRE_KEY_ID),
    otherBundle: bundleWith(PRE_KEY_ID + 1),
    encrypt: (to: string, text: string) => repository.encryptMessage({ jid: to, data: Buffer.from(text) }),
    decrypt: async (from: string, message: Encrypted) =>
      Buffer.from(await repository.decryptMessage({ jid: from, ...message })).toString(),
  }
}

export type Contact = ReturnType<typeof contactParty>

/** Gives both a session in which each has heard the other. */
export async function introduce(device: Party, contact: Contact): Promise<void> {
  await device.repository.injectE2ESession({ jid: contact.jid, session: contact.bundle })
  await contact.decrypt(device.jid, await device.encrypt(contact.jid, 'hello'))
  await device.decrypt(contact.jid, await contact.encrypt(device.jid, 'hello yourself'))
}

/** Each pair says everything at once in both directions, round after round.
 *  @returns the messages that could not be sent or decrypted */
export async function talkAtOnce(pairs: readonly [Party, Contact][], rounds: number): Promise<string[]> {
  const lost: string[] = []
  for (let round = 0; round < rounds; round++) {
    const exchanges = pairs.map(async ([device, contact]) => {
      const inbound = await contact.encrypt(device.jid, `to the device, ${round}`)
      const [outbound] = await Promise.allSettled([
        device.encrypt(contact.jid, `to the contact, ${round}`),
        device.decrypt(contact.jid, inbound).catch(() => lost.push(`${device.jid} inbound ${round}`)),
      ])
      if (outbound.status === 'rejected') return lost.push(`${device.jid} unsent ${round}`)
      return contact
        .decrypt(device.jid, outbound.value)
        .catch(() => lost.push(`${device.jid} outbound ${round}`))
    })
    await Promise.all(exchanges)
  }
  return lost
}

function memoryKeys(): SignalKeyStore {
  const values = new Map<string, unknown>()
  return {
    get: <T extends keyof SignalDataTypeMap>(type: T, ids: string[]) => {
      const found = ids.flatMap((id) => {
        const value = values.get(`${type}/${id}`)
        return value === undefined || value === null ? [] : [[id, value]]
      })
      return Object.fromEntries(found) as Record<string, SignalDataTypeMap[T]>
    },
    set: (data) => {
      for (const [type, byId] of Object.entries(data)) {
        for (const [id, value] of Object.entries(byId)) values.set(`${type}/${id}`, value)
      }
    },
  }
}
