/** Key bundles: the public keys with which a Signal session with a phone or a device begins. */
import {
  type BinaryNode,
  jidDecode,
  jidEncode,
  KEY_BUNDLE_TYPE,
  S_WHATSAPP_NET,
} from '@whiskeysockets/baileys'
import type { Account } from './accounts.ts'
import type { KeyBundle } from './phone-signal.ts'
import { isPhoneNumber, type Phone } from './phones.ts'
import type { PublicPreKey, PublicSignedPreKey } from './prekeys.ts'
import { bigEndian, childBytes, childNumber, node } from './stanzas.ts'
import type { World } from './world.ts'

/** With fewer pre-keys than this the server notifies the device, which then uploads more. */
const PREKEYS_LOW = 5
const KEY_ID_BYTES = 3
const REGISTRATION_BYTES = 4

/** Uses up one of the device's pre-keys. */
export function bundleOfDevice(world: World, account: Account): KeyBundle {
  const preKey = account.preKeys.take()
  world.changed()
  const left = account.preKeys.count()
  if (left < PREKEYS_LOW) {
    const attrs = { from: S_WHATSAPP_NET, type: 'encrypt', id: `prekeys-${left}-${world.nowMs()}` }
    const low = node('notification', attrs, [node('count', { value: String(left) })])
    world.accounts.online.get(account)?.send(low)
  }
  const { registrationId, identityKey, signedPreKey } = account
  return { registrationId, identityKey, signedPreKey, ...(preKey && { preKey }) }
}

/** Phones have no one-time pre-keys: Signal allows that, and so they need not be made. */
export function bundleOfPhone({ creds }: Phone): KeyBundle {
  return {
    registrationId: creds.registrationId,
    identityKey: Buffer.from(creds.signedIdentityKey.public),
    signedPreKey: {
      keyId: creds.signedPreKey.keyId,
      publicKey: Buffer.from(creds.signedPreKey.keyPair.public),
      signature: Buffer.from(creds.signedPreKey.signature),
    },
  }
}

/** The bundle of the phone or linked device that a jid names, by number or by LID. */
export function bundleOf(world: World, jid: string): KeyBundle | undefined {
  const phone = phoneOf(world, jid)
  if (!phone) return undefined
  const device = jidDecode(jid)?.device
  if (!device) return bundleOfPhone(phone)
  const account = world.accounts.byJid(jidEncode(phone.number, 's.whatsapp.net', device))
  return account && bundleOfDevice(world, account)
}

/** The phone that a jid names. Every possible number has one; groups, broadcasts and WhatsApp's own numbers
 *  have none. */
export function phoneOf(world: World, jid: string): Phone | undefined {
  const { server, user } = jidDecode(jid) ?? {}
  if (user === undefined) return undefined
  if (server === 'lid') return world.phones.byLid(user)
  return server === 's.whatsapp.net' && isPhoneNumber(user) ? world.phones.withNumber(user) : undefined
}

export function bundleNodes(bundle: KeyBundle): BinaryNode[] {
  const preKey = bundle.preKey && [node('key', {}, keyNodes(bundle.preKey))]
  return [...identityNodes(bundle), ...(preKey ?? []), signedPreKeyNode(bundle.signedPreKey)]
}

export function identityNodes({
  registrationId,
  identityKey,
}: Omit<KeyBundle, 'signedPreKey'>): BinaryNode[] {
  return [
    node('registration', {}, bigEndian(registrationId, REGISTRATION_BYTES)),
    node('type', {}, KEY_BUNDLE_TYPE),
    node('identity', {}, identityKey),
  ]
}

function signedPreKeyNode(key: PublicSignedPreKey): BinaryNode {
  return node('skey', {}, [...keyNodes(key), node('signature', {}, key.signature)])
}

function keyNodes({ keyId, publicKey }: PublicPreKey): BinaryNode[] {
  return [node('id', {}, bigEndian(keyId, KEY_ID_BYTES)), node('value', {}, publicKey)]
}

export function readPreKey(key: BinaryNode): PublicPreKey {
  return { keyId: childNumber(key, 'id'), publicKey: childBytes(key, 'value') }
}

export function readSignedPreKey(key: BinaryNode): PublicSignedPreKey {
  return { ...readPreKey(key), signature: childBytes(key, 'signature') }
}
