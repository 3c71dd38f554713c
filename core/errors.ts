/** Errors that a caller can act on: a stable code, a sentence that says what to do, and the
 *  facts. The HTTP statuses are in lambdas/api/statuses.ts and hosts/server/statuses.ts.
 *  docs/errors.md explains every code. */

/** Codes that people and their programs meet: in an answer, in the message of a command, or in a log. */
export const PUBLIC_CODES = [
  'BAD_REQUEST',
  'MALFORMED_JSON',
  'BAD_CURSOR',
  'API_KEY_MISSING',
  'API_KEY_UNKNOWN',
  'SCOPE_TOO_LOW',
  'ROUTE_NOT_FOUND',
  'DEVICE_NOT_FOUND',
  'SERVER_NOT_FOUND',
  'QR_NOT_READY',
  'ALREADY_PAIRED',
  'DEVICE_NOT_RUNNING',
  'DEVICE_BEING_DELETED',
  'DEVICE_BEING_IMPORTED',
  'DEVICE_NOT_STOPPED',
  'DEVICE_NAME_DIFFERS',
  'DEVICE_QUARANTINED',
  'PAIRING_CODE_NOT_READY',
  'SERVER_NOT_ACTIVE',
  'SERVER_FULL',
  'SERVER_LEAVING',
  'SERVER_STILL_BEATING',
  'SERVER_HAS_NO_TASK',
  'TASK_NOT_STOPPED',
  'NO_ROOM_TO_DRAIN',
  'NOT_DRAINING',
  'NOT_RESTARTING',
  'OPERATION_NOT_FOUND',
  'BODY_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'STORE_BUSY',
  'INTERNAL',
  'SIGNATURE_INVALID',
  'SERVER_STARTING',
  'FOREIGN_HOST',
  'FOREIGN_ORIGIN',
  'DEVICE_NOT_HERE',
  'DEVICE_NOT_CONNECTED',
  'SEND_REFUSED',
  'SEND_UNCONFIRMED',
  'SEND_QUEUE_FULL',
  'NOT_ON_WHATSAPP',
  'STALE_EPOCH',
  'LEASE_OVER',
  'AUTH_STATE_CLOSED',
  'CREDENTIALS_UNREADABLE',
  'DATA_KEY_UNAVAILABLE',
  'AUTH_ITEM_UNREADABLE',
  'AUTH_ITEM_TOO_LARGE',
  'SERVER_NAME_TAKEN',
  'SERVER_URL_TAKEN',
  'SERVER_DEAD',
] as const

/** Codes between parts of Mooring: the caller in the code acts on each, so no answer carries them. */
export const INTERNAL_CODES = [
  'ALREADY_OWNED',
  'NOT_WANTED',
  'NOT_OWNER',
  'LOGIN_REFUSED',
  'INBOX_FULL',
] as const

export type PublicCode = (typeof PUBLIC_CODES)[number]
export type InternalCode = (typeof INTERNAL_CODES)[number]
export type ErrorCode = PublicCode | InternalCode

export class MooringError extends Error {
  readonly code: ErrorCode
  readonly facts: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, facts: Record<string, unknown> = {}) {
    super(message)
    this.name = 'MooringError'
    this.code = code
    this.facts = facts
  }
}

export function isMooringError(error: unknown, code?: ErrorCode): error is MooringError {
  return error instanceof MooringError && (code === undefined || error.code === code)
}
