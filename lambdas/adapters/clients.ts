/** Options of the Lambdas' AWS clients: a call that hangs must not use up an invocation. */
const CONNECT_MS_MAX = 1000
const TRIES_MAX = 3

export const IMPATIENT = { maxAttempts: TRIES_MAX, requestHandler: { connectionTimeout: CONNECT_MS_MAX } }
