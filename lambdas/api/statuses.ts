/** The HTTP status of every code that the API answers with. Another code that reaches the API is
 *  a bug: it becomes INTERNAL. */
import type { ErrorCode, PublicCode } from '../../core/errors.ts'

export const API_STATUS = {
  BAD_REQUEST: 400,
  MALFORMED_JSON: 400,
  BAD_CURSOR: 400,
  API_KEY_MISSING: 401,
  API_KEY_UNKNOWN: 401,
  SCOPE_TOO_LOW: 403,
  ROUTE_NOT_FOUND: 404,
  DEVICE_NOT_FOUND: 404,
  SERVER_NOT_FOUND: 404,
  OPERATION_NOT_FOUND: 404,
  QR_NOT_READY: 409,
  ALREADY_PAIRED: 409,
  DEVICE_NOT_RUNNING: 409,
  DEVICE_BEING_DELETED: 409,
  DEVICE_BEING_IMPORTED: 409,
  DEVICE_NAME_DIFFERS: 409,
  DEVICE_QUARANTINED: 409,
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
  BODY_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  INTERNAL: 500,
  STORE_BUSY: 503,
} as const satisfies { readonly [C in PublicCode]?: number }

export type ApiCode = keyof typeof API_STATUS

export function isApiCode(code: ErrorCode): code is ApiCode {
  return Object.hasOwn(API_STATUS, code)
}
