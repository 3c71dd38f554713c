/** Maps a row of `whatsmeow_device` (`store/sqlstore/container.go`) and its pre-keys to Baileys' credentials
 *  (`Utils/auth-utils.js`, `Utils/validate-connection.js`). Pure but for the ephemeral pair of a new pairing,
 *  which Baileys makes at random and no linked device uses. */
import {
  type AuthenticationCreds,
  initAuthCreds,
  type KeyPair,
  WA_ADV_ACCOUNT_SIG_PREFIX,
  WA_ADV_HOSTED_ACCOUNT_SIG_PREFIX,
} from '@whiskeysockets/baileys'
import { keyPairFrom } from '../../credentials/key-material.ts'
import { isSignedBy } from './signatures.ts'
import { bytesIn, DamagedRow, type Fields, isAbsent, numberIn, textIn, truthIn } from './values.ts'

const KEY_BYTES = 32
const SIGNATURE_BYTES = 64
const PRE_KEY_ID_MAX = 0xff_ffff
const CURVE = Buffer.from([5])

/** @param jid in the form that Baileys has it
 *  @throws DamagedRow */
export function credsFromRow(row: Fields, me: { readonly jid: string; readonly lid?: string }) {
  // whatsmeow stores private keys alone.
  const key = (column: string) => keyPairFrom(bytesIn(row[column], column, KEY_BYTES))
  const signature = (column: string) => bytesIn(row[column], column, SIGNATURE_BYTES)
  const account = {
    details: bytesIn(row.adv_details, 'adv_details'),
    accountSignature: signature('adv_account_sig'),
    accountSignatureKey: bytesIn(row.adv_account_sig_key, 'adv_account_sig_key', KEY_BYTES),
    deviceSignature: signature('adv_device_sig'),
  }
  const identity = key('identity_key')
  const signedPreKey = {
    keyPair: key('signed_pre_key'),
    signature: signature('signed_pre_key_sig'),
    keyId: numberIn(row.signed_pre_key_id, 'signed_pre_key_id', PRE_KEY_ID_MAX),
  }
  mustBelongTogether(identity.public, signedPreKey, account)
  const name = [row.push_name, row.business_name].find((text) => !isAbsent(text))
  const platform = row.platform
  return {
    ...initAuthCreds(),
    noiseKey: key('noise_key'),
    signedIdentityKey: identity,
    signedPreKey,
    registrationId: numberIn(row.registration_id, 'registration_id'),
    advSecretKey: bytesIn(row.adv_key, 'adv_key').toString('base64'),
    account,
    me: {
      id: me.jid,
      ...(me.lid === undefined ? {} : { lid: me.lid }),
      ...(isAbsent(name) ? {} : { name: textIn(name, 'push_name') }),
    },
    signalIdentities: [
      {
        identifier: { name: me.lid ?? me.jid, deviceId: 0 },
        identifierKey: signalKey(account.accountSignatureKey),
      },
    ],
    ...(isAbsent(platform) ? {} : { platform: textIn(platform, 'platform') }),
    // The phone has sent its history to whatsmeow. With 0, Baileys would wait for it at the first connect.
    accountSyncCounter: 1,
  } satisfies AuthenticationCreds
}

/** A private key of any 32 bytes looks sound. The signatures tell whether it is the device's: its own of the
 *  pre-key, and the phone's of the identity, which whatsmeow has checked when it was linked. */
function mustBelongTogether(
  identity: Uint8Array,
  { keyPair, signature }: AuthenticationCreds['signedPreKey'],
  account: { details: Buffer; accountSignature: Buffer; accountSignatureKey: Buffer },
): void {
  if (!isSignedBy(identity, signalKey(keyPair.public), signature)) {
    throw new DamagedRow('signed_pre_key is not signed by identity_key')
  }
  const isSigned = [WA_ADV_ACCOUNT_SIG_PREFIX, WA_ADV_HOSTED_ACCOUNT_SIG_PREFIX].some((prefix) =>
    isSignedBy(
      account.accountSignatureKey,
      Buffer.concat([prefix, account.details, identity]),
      account.accountSignature,
    ),
  )
  if (!isSigned) throw new DamagedRow('identity_key is not signed by the phone')
}

/** A public key with the byte of its curve before it. */
export function signalKey(publicKey: Uint8Array): Buffer {
  return Buffer.concat([CURVE, publicKey])
}

export interface PreKey {
  readonly id: number
  readonly pair: KeyPair
  readonly isUploaded: boolean
}

/** @throws DamagedRow */
export function preKeyFrom(row: Fields): PreKey {
  return {
    id: numberIn(row.key_id, 'a pre-key id', PRE_KEY_ID_MAX),
    pair: keyPairFrom(bytesIn(row.key, 'a pre-key', KEY_BYTES)),
    isUploaded: truthIn(row.uploaded),
  }
}

/** Where Baileys goes on. Its next new pre-key follows the highest, as whatsmeow's does. It uploads the ones
 *  above the last that whatsmeow has uploaded. */
export function preKeyCounters(preKeys: readonly PreKey[]) {
  const next = preKeys.reduce((highest, { id }) => Math.max(highest, id), 0) + 1
  const uploaded = preKeys.reduce(
    (highest, { id, isUploaded }) => (isUploaded ? Math.max(highest, id) : highest),
    0,
  )
  return { nextPreKeyId: next, firstUnuploadedPreKeyId: uploaded + 1 }
}

/** Whether a database of whatsmeow holds a Messenger device, which is linked to no phone. */
export function isMessenger(row: Fields): boolean {
  return !isAbsent(row.facebook_uuid)
}
