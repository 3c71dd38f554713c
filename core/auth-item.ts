/** One item of a device's auth state: its creds, or one Signal key. */
import type { DeviceId, Epoch } from './ids.ts'

export interface AuthItem {
  readonly deviceId: DeviceId
  /** `<credentialsId>/creds`, or `<credentialsId>/<type>/<id>` for a Signal key. */
  readonly key: string
  readonly epoch: Epoch
  /** Rises with each request on the item, from socket to socket as well. Absent in items that were written without. */
  readonly order?: number
  /** Absent in an item that was only fenced, and in a tombstone. */
  readonly value?: string
  /** Set on a tombstone, in seconds since 1970: a deleted item stays fenced until TTL removes it. */
  readonly expiresAt?: number
}

export function credsKey(credentialsId: string): string {
  return `${credentialsId}/creds`
}

export function signalKey(credentialsId: string, type: string, id: string): string {
  return `${credentialsId}/${type}/${id}`
}

/** `creds`, or the type of a Signal key: all that a message may say of an item, since ids hold phone numbers. */
export function kindOf(key: string): string {
  return key.split('/')[1] ?? 'item'
}
