/** Errors that a caller can act on: a stable code, a sentence that says what to do, and the facts. */

/** Every code that Mooring answers with, and the HTTP status that the API gives it. */
export const ERROR_STATUS = {
  BAD_REQUEST: 400,
  MALFORMED_JSON: 400,
  BAD_CURSOR: 400,
  API_KEY_MISSING: 401,
  API_KEY_UNKNOWN: 401,
  SCOPE_TOO_LOW: 403,
  ROUTE_NOT_FOUND: 404,
  DEVICE_NOT_FOUND: 404,
  SERVER_NOT_FOUND: 404,
  QR_NOT_READY: 409,
  ALREADY_PAIRED: 409,
  DEVICE_NOT_RUNNING: 409,
  DEVICE_BEING_DELETED: 409,
  DEVICE_BEING_IMPORTED: 409,
  DEVICE_NOT_STOPPED: 409,
  DEVICE_NAME_DIFFERS: 409,
  PAIRING_CODE_NOT_READY: 409,
  SERVER_NOT_ACTIVE: 409,
  SERVER_FULL: 409,
  SERVER_LEAVING: 409,
  SERVER_STILL_BEATING: 409,
  SERVER_HAS_NO_TASK: 409,
  TASK_NOT_STOPPED: 409,
  NO_ROOM_TO_DRAIN: 409,
  NOT_DRAINING: 409,
  NOT_RESTARTING: 409,
  OPERATION_NOT_FOUND: 404,
  BODY_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  STORE_BUSY: 503,
  INTERNAL: 500,
  ALREADY_OWNED: 409,
  NOT_WANTED: 409,
  NOT_OWNER: 409,
  SERVER_DEAD: 409,
  SERVER_NAME_TAKEN: 409,
  SERVER_URL_TAKEN: 409,
  STALE_EPOCH: 409,
  LEASE_OVER: 409,
  AUTH_STATE_CLOSED: 409,
  CREDENTIALS_UNREADABLE: 409,
  LOGIN_REFUSED: 409,
  INBOX_FULL: 503,
  DEVICE_NOT_HERE: 404,
  DEVICE_NOT_CONNECTED: 409,
  SEND_REFUSED: 409,
  SEND_UNCONFIRMED: 503,
  SEND_QUEUE_FULL: 503,
  NOT_ON_WHATSAPP: 409,
  DATA_KEY_UNAVAILABLE: 503,
  AUTH_ITEM_UNREADABLE: 409,
  AUTH_ITEM_TOO_LARGE: 409,
  SIGNATURE_INVALID: 401,
  SERVER_STARTING: 503,
  FOREIGN_HOST: 421,
  FOREIGN_ORIGIN: 403,
  DEVICE_QUARANTINED: 409,
} as const

export type ErrorCode = keyof typeof ERROR_STATUS

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
