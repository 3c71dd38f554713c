/** Errors of the simulator, each with a stable code and a sentence, and the HTTP status of each code. */

export const SIMULATOR_ERROR_STATUS = {
  BAD_REQUEST: 400,
  MALFORMED_JSON: 400,
  ROUTE_NOT_FOUND: 404,
  UNKNOWN_ACCOUNT: 404,
  UNKNOWN_MISDEED: 404,
  UNKNOWN_GROUP: 404,
  QR_NOT_VALID: 409,
  NO_CODE_REQUESTED: 409,
  WRONG_CODE: 409,
  PAIRING_LOST: 409,
  NOT_CONNECTED: 409,
  TOO_MANY_PHONES: 409,
  QUEUE_FULL: 409,
  BODY_TOO_LARGE: 413,
  INTERNAL: 500,
} as const

export type SimulatorErrorCode = keyof typeof SIMULATOR_ERROR_STATUS

export class SimulatorError extends Error {
  readonly code: SimulatorErrorCode

  constructor(code: SimulatorErrorCode, message: string) {
    super(message)
    this.name = 'SimulatorError'
    this.code = code
  }
}
