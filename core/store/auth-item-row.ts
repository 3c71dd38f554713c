/** One item of a device's auth state: its creds, or one Signal key. */
import type { DeviceId, Epoch } from '../ids.ts'

export interface AuthItem {
  readonly deviceId: DeviceId
  /** `<credentialsId>/` and `creds`, `data-key`, `inbox`, or `<type>/<id>` for a Signal key. */
  readonly key: string
  readonly epoch: Epoch
  /** Rises with each request on the item, from socket to socket as well. Absent in items that were written without. */
  readonly order?: number
  /** Encrypted by the host. Absent in an item that was only fenced, and in a tombstone. */
  readonly value?: string
  /** Set on a tombstone, in seconds since 1970: a deleted item stays fenced until TTL removes it. */
  readonly expiresAt?: number
}

export function credsKey(credentialsId: string): string {
  return `${credentialsId}/creds`
}

/** Of the keys, wrapped, that everything else is encrypted with. */
export function dataKeysKey(credentialsId: string): string {
  return `${credentialsId}/data-key`
}

/** Of the messages that were decrypted and not yet taken. */
export function inboxKey(credentialsId: string): string {
  return `${credentialsId}/inbox`
}

export function signalKey(credentialsId: string, type: string, id: string): string {
  return `${credentialsId}/${type}/${id}`
}

/** `creds`, `data-key`, `inbox`, or the type of a Signal key: all that a message may say of an item, since ids hold phone numbers. */
export function kindOf(key: string): string {
  return key.split('/')[1] ?? 'item'
}
