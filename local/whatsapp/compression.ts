/** WhatsApp compresses large stanzas, so the simulator does, too: a client must be able to inflate them. */
import { deflateSync } from 'node:zlib'

const COMPRESSED_FROM_BYTES = 4096
const IS_COMPRESSED = 2

/** @param encoded a byte of flags and then a stanza */
export function compressed(encoded: Uint8Array): Uint8Array {
  if (encoded.length < COMPRESSED_FROM_BYTES) return encoded
  return Buffer.concat([Buffer.from([IS_COMPRESSED]), deflateSync(encoded.subarray(1))])
}
