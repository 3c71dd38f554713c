/** Encodes nodes that WhatsApp never writes: empty tags, attributes twice, text that is no UTF-8. It does not
 *  use the dictionary. */
import type { BinaryNode } from '@whiskeysockets/baileys'

export type RawText = string | Buffer

export interface RawNode {
  readonly tag: RawText
  readonly attrs: readonly (readonly [RawText, RawText])[]
  readonly content?: RawText | readonly RawNode[]
}

export const NOT_COMPRESSED = 0
const LIST_EMPTY = 0
const LIST_8 = 248
const LIST_16 = 249
const BINARY_8 = 252
const BINARY_20 = 253
const BINARY_32 = 254

export function rawNode({ tag, attrs, content }: BinaryNode): RawNode {
  const raw = { tag, attrs: Object.entries(attrs) }
  if (content === undefined) return raw
  if (Array.isArray(content)) return { ...raw, content: content.map(rawNode) }
  return { ...raw, content: typeof content === 'string' ? content : Buffer.from(content) }
}

/** The content of one frame, before it is encrypted. */
export function encodeRaw(node: RawNode): Buffer {
  const parts: Buffer[] = [Buffer.from([NOT_COMPRESSED])]
  // Uses a stack of its own, because some nodes are nested deeper than function calls may be.
  const waiting = [node]
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { tag, attrs, content } = next
    parts.push(listHeader(1 + 2 * attrs.length + (content === undefined ? 0 : 1)), text(tag))
    for (const [name, value] of attrs) parts.push(text(name), text(value))
    if (content === undefined) continue
    if (typeof content === 'string' || Buffer.isBuffer(content)) {
      parts.push(text(content))
      continue
    }
    parts.push(listHeader(content.length))
    waiting.push(...content.toReversed())
  }
  return Buffer.concat(parts)
}

function listHeader(size: number): Buffer {
  if (size === 0) return Buffer.from([LIST_EMPTY])
  return size < 256 ? Buffer.from([LIST_8, size]) : Buffer.from([LIST_16, size >> 8, size & 255])
}

function text(value: RawText): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value
  const header =
    bytes.length < 256
      ? [BINARY_8, bytes.length]
      : bytes.length < 2 ** 20
        ? [BINARY_20, bytes.length >> 16, (bytes.length >> 8) & 255, bytes.length & 255]
        : [
            BINARY_32,
            bytes.length >>> 24,
            (bytes.length >> 16) & 255,
            (bytes.length >> 8) & 255,
            bytes.length & 255,
          ]
  return Buffer.concat([Buffer.from(header), bytes])
}
