/** The framing below Noise: an intro once, then frames, each after a length of three bytes. */

const ROUTING_MAGIC = Buffer.from([0x45, 0x44, 0, 1]) // "ED", then the version of the edge-routing prefix
const ROUTING_HEADER_BYTES = 7
/** "WA", protocol 6, dictionary 3: the intro of every connection, and the prologue of the handshake. */
export const NOISE_PROLOGUE = Buffer.from([0x57, 0x41, 6, 3])
const LENGTH_BYTES = 3
/** The largest stanza of a client is the upload of 812 pre-keys, about 40 KB. */
export const FRAME_BYTES_MAX = 1_048_576

export class FramingError extends Error {}

/** Cuts the messages of a socket into frames. A frame may span messages, and a message may hold many
 *  frames. */
export function makeFrameReader(onRouting?: (info: Buffer) => void): (chunk: Buffer) => Buffer[] {
  let pending: Buffer = Buffer.alloc(0)
  let introRead = false

  return (chunk) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
    if (!introRead) {
      const rest = afterIntro(pending, onRouting)
      if (rest === undefined) return []
      introRead = true
      pending = rest
    }
    const frames: Buffer[] = []
    while (pending.length >= LENGTH_BYTES) {
      const end = LENGTH_BYTES + pending.readUIntBE(0, LENGTH_BYTES)
      if (end > FRAME_BYTES_MAX) throw new FramingError(`a frame of ${end} bytes`)
      if (pending.length < end) break
      frames.push(pending.subarray(LENGTH_BYTES, end))
      pending = pending.subarray(end)
    }
    return frames
  }
}

/** @returns the bytes after the intro; undefined while the intro is incomplete */
function afterIntro(data: Buffer, onRouting?: (info: Buffer) => void): Buffer | undefined {
  const routed = data.subarray(0, ROUTING_MAGIC.length).equals(ROUTING_MAGIC)
  if (routed && data.length < ROUTING_HEADER_BYTES) return undefined
  const start = routed ? ROUTING_HEADER_BYTES + data.readUIntBE(4, LENGTH_BYTES) : 0
  const end = start + NOISE_PROLOGUE.length
  if (data.length < end) return undefined
  if (!data.subarray(start, end).equals(NOISE_PROLOGUE)) throw new FramingError('not a WhatsApp client')
  if (routed) onRouting?.(data.subarray(ROUTING_HEADER_BYTES, start))
  return data.subarray(end)
}

export function frame(data: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(LENGTH_BYTES + data.length)
  framed.writeUIntBE(data.length, 0, LENGTH_BYTES)
  framed.set(data, LENGTH_BYTES)
  return framed
}
