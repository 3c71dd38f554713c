/** Verifies signatures of Curve25519 keys, as the Signal protocol makes them (XEdDSA). Baileys' own
 *  `Curve.verify` ignores the answer. Pure. */
import { createPublicKey, verify } from 'node:crypto'

/** What stands before the 32 bytes of an Ed25519 public key in SPKI. */
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')
const KEY_BYTES = 32
const SIGNATURE_BYTES = 64
const SIGN_BIT = 0x80
/** The prime of the curve's field. */
const P = 2n ** 255n - 19n

/** @param publicKey 32 bytes */
export function isSignedBy(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false
  // The signature carries the sign of the Edwards point, which the Montgomery form of the key lacks.
  const last = signature[SIGNATURE_BYTES - 1] ?? 0
  const plainSignature = Buffer.from(signature)
  plainSignature[SIGNATURE_BYTES - 1] = last & ~SIGN_BIT
  const point = edwardsOf(publicKey)
  point[KEY_BYTES - 1] = (point[KEY_BYTES - 1] ?? 0) | (last & SIGN_BIT)
  const key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, point]), format: 'der', type: 'spki' })
  return verify(null, message, key, plainSignature)
}

/** The Edwards form of a Montgomery point: y = (u - 1) / (u + 1). */
function edwardsOf(publicKey: Uint8Array): Buffer {
  const u = BigInt(`0x${Buffer.from(publicKey).reverse().toString('hex')}`) & (2n ** 255n - 1n)
  const y = (((u - 1n + P) % P) * inverse((u + 1n) % P)) % P
  return Buffer.from(y.toString(16).padStart(KEY_BYTES * 2, '0'), 'hex').reverse()
}

/** By Fermat: the power of p - 2. */
function inverse(value: bigint): bigint {
  let result = 1n
  let base = value
  for (let exponent = P - 2n; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) result = (result * base) % P
    base = (base * base) % P
  }
  return result
}
