/** The signature of a request: of a doorbell, and of messages to and from the application, each with a
 *  secret of its own. It keeps strangers from making servers look, and its time keeps an old request from
 *  being sent again. */
import { createHmac, timingSafeEqual } from 'node:crypto'

/** A ring that is older than this, or as far in the future, is refused. */
export const RING_AGE_MS_MAX = 60_000

export interface SignedRing {
  /** Wall-clock ms, as sent in `X-Mooring-Time`. */
  readonly time: string
  /** Hex HMAC-SHA256, as sent in `X-Mooring-Signature`. */
  readonly signature: string
}

export function signDoorbell(secret: string, body: string, nowMs: number): SignedRing {
  const time = String(nowMs)
  return { time, signature: hmac(secret, time, body) }
}

/** The headers of a signed request. */
export function signatureHeaders(secret: string, body: string, nowMs: number): Record<string, string> {
  const { time, signature } = signDoorbell(secret, body, nowMs)
  return { 'x-mooring-time': time, 'x-mooring-signature': signature }
}

/** Whether the ring was signed with the secret, and lately. Signatures are compared in constant time. */
export function verifyDoorbell(secret: string, ring: SignedRing, body: string, nowMs: number): boolean {
  const expected = Buffer.from(hmac(secret, ring.time, body))
  const given = Buffer.from(ring.signature)
  if (expected.length !== given.length || !timingSafeEqual(expected, given)) return false
  return Math.abs(nowMs - Number(ring.time)) <= RING_AGE_MS_MAX
}

function hmac(secret: string, time: string, body: string): string {
  return createHmac('sha256', secret).update(`${time}.${body}`).digest('hex')
}
