/** Limits the size to which a compressed frame of WhatsApp may grow. Baileys inflates frames and histories
 *  without a limit. A kilobyte can become a megabyte of nodes that holds up every device of the server; a
 *  megabyte can take all its memory. Baileys inflates only by Node's `zlib.inflate`, so that function gets
 *  the limit. Import this file before Baileys. */
import { syncBuiltinESMExports } from 'node:module'
import zlib from 'node:zlib'

/** WhatsApp's own frames shrink five to fifteen times. A frame that is made to grow shrinks a
 *  thousandfold. */
const GROWTH_MAX = 50
const BYTES_ALWAYS = 2 ** 20

type Inflated = (error: Error | null, result: Buffer) => void

const inflate = zlib.inflate

/** Fails with ERR_BUFFER_TOO_LARGE beyond the limit. The device of the frame then loses its socket, see
 *  attribution.ts. */
function limitedInflate(input: zlib.InputType, ...rest: [Inflated] | [zlib.ZlibOptions, Inflated]): void {
  const done = rest.at(-1) as Inflated
  const options = rest.length === 2 ? rest[0] : {}
  const bytes = typeof input === 'string' ? Buffer.byteLength(input) : input.byteLength
  inflate(input, { maxOutputLength: Math.max(BYTES_ALWAYS, bytes * GROWTH_MAX), ...options }, done)
}

zlib.inflate = limitedInflate as typeof zlib.inflate
syncBuiltinESMExports()
