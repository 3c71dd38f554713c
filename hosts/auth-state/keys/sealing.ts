/** Seals the text of an item for the store, and opens it again. Sealing compresses when that helps,
 *  encrypts, and binds the text to the device and the item's key. An item that was copied elsewhere
 *  therefore does not open.
 *
 *  The rooms of the auth state call this one. It must never open a text that this device's data keys have not
 *  sealed. */
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { MooringError } from '../../../core/errors.ts'
import type { DeviceId } from '../../../core/ids.ts'
import { kindOf } from '../../../core/store/auth-item-row.ts'
import { decrypt, encrypt } from './aes-gcm.ts'

export interface Sealing {
  seal(key: string, value: string): string
  /** Opens only what this device's data keys have sealed. If it opened unsealed text, anyone who can write
   *  the table could replace an item.
   *  @throws MooringError CREDENTIALS_UNREADABLE for the creds, AUTH_ITEM_UNREADABLE for anything else */
  open(key: string, stored: string): string
}

export interface SealingKeys {
  /** The data key that seals, and its number. */
  current(): { readonly number: number; readonly key: Buffer }
  byNumber(number: number): Buffer | undefined
}

/** A shorter text does not get shorter. A compressed session of 900 bytes stays within one write unit, even
 *  in base64. */
const COMPRESSED_FROM_BYTES = 200
/** `v1`, the number of the data key, `z` for deflated or `p` for plain, nonce + ciphertext + tag in
 *  base64. */
const FORM = /^v(\d+)\.(\d+)\.([zp])\.([A-Za-z0-9+/=]+)$/
const VERSION = 1
const ANY_VERSION = /^v\d/

export function isSealed(stored: string): boolean {
  return ANY_VERSION.test(stored)
}

export function createSealing(device: DeviceId, keys: SealingKeys): Sealing {
  const bound = (key: string, number: number, how: string) =>
    JSON.stringify(['mooring auth item', VERSION, number, how, device, key])
  return {
    seal(key, value) {
      const { number, key: dataKey } = keys.current()
      const plain = Buffer.from(value)
      const deflated = plain.length < COMPRESSED_FROM_BYTES ? undefined : deflateRawSync(plain)
      const how = deflated && deflated.length < plain.length ? 'z' : 'p'
      const sealed = encrypt(dataKey, how === 'z' && deflated ? deflated : plain, bound(key, number, how))
      return `v${VERSION}.${number}.${how}.${sealed.toString('base64')}`
    },

    open(key, stored) {
      if (!isSealed(stored)) throw unreadable(device, key, 'not sealed, so no server has written it')
      const [, version, number = '', how = '', sealed = ''] = FORM.exec(stored) ?? []
      if (version === undefined) throw unreadable(device, key, 'damaged')
      if (Number(version) !== VERSION) throw unreadable(device, key, 'sealed by a newer Mooring')
      const dataKey = keys.byNumber(Number(number))
      if (!dataKey) throw unreadable(device, key, `sealed by data key ${number}, which is missing`)
      try {
        const plain = decrypt(dataKey, Buffer.from(sealed, 'base64'), bound(key, Number(number), how))
        return (how === 'z' ? inflateRawSync(plain) : plain).toString('utf8')
      } catch {
        throw unreadable(device, key, 'damaged, or copied from elsewhere: it does not decrypt')
      }
    },
  }
}

function unreadable(device: DeviceId, key: string, why: string): MooringError {
  const kind = kindOf(key)
  if (kind === 'creds') {
    const facts = { kind, why: `they are ${why}` }
    const message = `device "${device}" is not connected: its credentials are ${why}`
    return new MooringError('CREDENTIALS_UNREADABLE', message, facts)
  }
  return new MooringError('AUTH_ITEM_UNREADABLE', `the ${kind} of device "${device}" is ${why}`, { kind })
}
