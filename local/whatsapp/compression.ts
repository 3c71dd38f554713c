/** WhatsApp compresses what is large, so that a client has to inflate it before it can read it. */
import { deflateSync } from 'node:zlib'

const COMPRESSED_FROM_BYTES = 4096
const IS_COMPRESSED = 2

/** @param encoded a stanza behind its byte of flags */
export function compressed(encoded: Uint8Array): Uint8Array {
  if (encoded.length < COMPRESSED_FROM_BYTES) return encoded
  return Buffer.concat([Buffer.from([IS_COMPRESSED]), deflateSync(encoded.subarray(1))])
}
