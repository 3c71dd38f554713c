/** Bounds what a compressed frame of WhatsApp may grow to. Baileys inflates frames, and histories, without a limit: a kilobyte can
 *  become a megabyte of nodes that holds up every device of the server, and a megabyte can take the memory of all. Its only
 *  way to inflate is Node's `zlib.inflate`, so that one gets the limit. Import this file before Baileys. */
import { syncBuiltinESMExports } from 'node:module'
import zlib from 'node:zlib'

/** What WhatsApp sends shrinks five to fifteen times; what is made to grow shrinks a thousand times. */
const GROWTH_MAX = 50
const BYTES_ALWAYS = 2 ** 20

type Inflated = (error: Error | null, result: Buffer) => void

const inflate = zlib.inflate

/** Fails with ERR_BUFFER_TOO_LARGE beyond the limit; the frame's device then loses its socket, see attribution.ts. */
function limitedInflate(input: zlib.InputType, ...rest: [Inflated] | [zlib.ZlibOptions, Inflated]): void {
  const done = rest.at(-1) as Inflated
  const options = rest.length === 2 ? rest[0] : {}
  const bytes = typeof input === 'string' ? Buffer.byteLength(input) : input.byteLength
  inflate(input, { maxOutputLength: Math.max(BYTES_ALWAYS, bytes * GROWTH_MAX), ...options }, done)
}

zlib.inflate = limitedInflate as typeof zlib.inflate
syncBuiltinESMExports()
