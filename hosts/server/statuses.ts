/** The HTTP status of every code that a server's own port answers with. */
import type { ErrorCode, PublicCode } from '../../core/errors.ts'

export const SERVER_STATUS = {
  BAD_REQUEST: 400,
  SIGNATURE_INVALID: 401,
  FOREIGN_ORIGIN: 403,
  ROUTE_NOT_FOUND: 404,
  DEVICE_NOT_HERE: 404,
  DEVICE_NOT_CONNECTED: 409,
  SEND_REFUSED: 409,
  NOT_ON_WHATSAPP: 409,
  FOREIGN_HOST: 421,
  INTERNAL: 500,
  SERVER_STARTING: 503,
  SEND_UNCONFIRMED: 503,
  SEND_QUEUE_FULL: 503,
  // A send reads and writes the auth state, so its errors may end one.
  STALE_EPOCH: 409,
  LEASE_OVER: 409,
  AUTH_STATE_CLOSED: 409,
  CREDENTIALS_UNREADABLE: 409,
  AUTH_ITEM_UNREADABLE: 409,
  AUTH_ITEM_TOO_LARGE: 409,
  DATA_KEY_UNAVAILABLE: 503,
} as const satisfies { readonly [C in PublicCode]?: number }

export type ServerCode = keyof typeof SERVER_STATUS

export function isServerCode(code: ErrorCode): code is ServerCode {
  return Object.hasOwn(SERVER_STATUS, code)
}
