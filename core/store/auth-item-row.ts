/** A row of a device's auth state: its creds, one Signal key, its data keys or its inbox. The host
 *  encrypts each value. */
import type { DeviceId, Epoch } from '../ids.ts'

export interface AuthItem {
  readonly deviceId: DeviceId
  /** `<credentialsId>/` and `creds`, `data-key`, `inbox`, or `<type>/<id>` for a Signal key. */
  readonly key: string
  readonly epoch: Epoch
  /** Rises with each request on the item, also from one socket to the next. Absent in an item that was
   *  written without. */
  readonly order?: number
  /** Encrypted by the host. Absent in an item that was only fenced, and in a tombstone. */
  readonly value?: string
  /** Set on a tombstone, in seconds since 1970: a deleted item stays fenced until TTL removes it. */
  readonly expiresAt?: number
}

export function credsKey(credentialsId: string): string {
  return `${credentialsId}/creds`
}

/** Names the item of the wrapped data keys, with which all other items are encrypted. */
export function dataKeysKey(credentialsId: string): string {
  return `${credentialsId}/data-key`
}

/** Names the item of the messages that were decrypted and that no application has taken yet. */
export function inboxKey(credentialsId: string): string {
  return `${credentialsId}/inbox`
}

export function signalKey(credentialsId: string, type: string, id: string): string {
  return `${credentialsId}/${type}/${id}`
}

/** `creds`, `data-key`, `inbox`, or the type of a Signal key. A message may say no more of an item, since
 *  the ids of items contain phone numbers. */
export function kindOf(key: string): string {
  return key.split('/')[1] ?? 'item'
}
