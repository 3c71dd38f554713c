/** Damage below the node: compression, dictionaries, list sizes, lengths, the encryption of Noise, the
 *  framing. Pure. */
import { deflateSync } from 'node:zlib'
import { encodeBinaryNode } from '@whiskeysockets/baileys'
import { frame } from '../frames.ts'
import type { Sample } from './sample.ts'
import type { Seeded } from './seeded.ts'

/** How the bytes are sent. `sealed`: encrypted correctly. `tampered`: XORed with the end of an encrypted
 *  frame. `unsealed`: in a frame, not encrypted. `wire`: written to the socket unchanged. */
export type Layer = 'sealed' | 'tampered' | 'unsealed' | 'wire'

export interface FrameDamage {
  readonly name: string
  readonly layer: Layer
  readonly bytes: Buffer
}

const COMPRESSED = 2
const BOMB_BYTES = 16 * 2 ** 20
/** Made once, because it takes longer than all other damage of a seed. */
let bomb: Buffer | undefined

/** Bytes that a decoder must refuse. The first number is the flag of compression, the others are tags of the
 *  binary format. */
const NODES: readonly (readonly [string, readonly number[]])[] = [
  ['an empty plaintext', []],
  ['the flag of compression alone', [0]],
  ['an empty list for a node', [0, 0]],
  ['a list of no items', [0, 248, 0]],
  ['a node whose tag is an empty list', [0, 248, 1, 0]],
  ['a node whose tag is empty text', [0, 248, 1, 252, 0]],
  ['a node of one attribute that is not there', [0, 248, 3, 9]],
  ['a node of 255 items that are not there', [0, 248, 255, 9]],
  ['a node of 65535 items that are not there', [0, 249, 255, 255, 9]],
  ['a list in place of a tag', [0, 248, 1, 248, 1, 9]],
  ['an unknown token for a list', [0, 7, 1, 9]],
  ['an unknown token for a text', [0, 248, 1, 244]],
  ['a word beyond the first dictionary', [0, 248, 1, 236, 255]],
  ['a word of the last dictionary, cut off', [0, 248, 1, 239]],
  ['a reserved token', [0, 248, 1, 240, 1]],
  ['text of 255 bytes that are not there', [0, 248, 1, 252, 255, 65]],
  ['text of a million bytes that are not there', [0, 248, 1, 253, 15, 255, 255, 65]],
  ['text of 4 GB', [0, 248, 1, 254, 255, 255, 255, 255, 65]],
  ['content of minus one byte', [0, 248, 2, 9, 254, 255, 255, 255, 255]],
  ['content of minus nine bytes', [0, 248, 2, 9, 254, 255, 255, 255, 247]],
  ['a list whose item leads back to it', [0, 248, 2, 9, 249, 255, 255, 248, 2, 9, 254, 255, 255, 255, 242]],
  ['a jid without a server', [0, 248, 1, 250, 9, 0]],
  ['a jid within a jid', [0, 248, 1, 250, 250, 9, 9, 250, 9, 9]],
  ['a device jid of an unknown domain', [0, 248, 1, 247, 77, 200, 9]],
  ['a device jid, cut off', [0, 248, 1, 247, 0]],
  ['a Facebook jid, cut off', [0, 248, 1, 246, 9, 0]],
  ['an interop jid, cut off', [0, 248, 1, 245, 9, 0, 1]],
  ['packed digits that are none', [0, 248, 1, 255, 1, 0xcd]],
  ['packed digits that are not there', [0, 248, 1, 255, 127, 0x12]],
  ['packed hex that is not there', [0, 248, 1, 251, 255]],
  ['the flag of compression on what is not compressed', [COMPRESSED, 248, 1, 9]],
  ['every flag at once', [255, 248, 1, 9]],
  ['an unknown flag', [0x80, 248, 1, 9]],
  ['compressed, and nothing behind the flag', [COMPRESSED]],
]

/** The first of these once ended whole servers. */
export function frameDamages(from: readonly Sample[], chance: Seeded): FrameDamage[] {
  const whole = () => encodeBinaryNode(chance.pick(from).stanza)
  const ping = encodeBinaryNode({ tag: 'iq', attrs: { type: 'get', id: 'PING', xmlns: 'urn:xmpp:ping' } })
  return [
    { name: 'frame that does not decrypt: a bit is flipped', layer: 'tampered', bytes: Buffer.from([1]) },
    {
      name: 'frame that does not decrypt: its tag is zeros away',
      layer: 'tampered',
      bytes: chance.bytes(16),
    },
    { name: 'frame that does not decrypt: never encrypted', layer: 'unsealed', bytes: ping },
    { name: 'frame that does not decrypt: random bytes', layer: 'unsealed', bytes: chance.bytes(60) },
    { name: 'frame shorter than a tag of Noise', layer: 'unsealed', bytes: chance.bytes(5) },
    { name: 'frame of no bytes', layer: 'unsealed', bytes: Buffer.alloc(0) },
    {
      name: 'frame longer than it says',
      layer: 'wire',
      bytes: Buffer.concat([frame(ping), chance.bytes(9)]),
    },
    {
      name: 'frame of 16 MB that never comes',
      layer: 'wire',
      bytes: Buffer.from([0xff, 0xff, 0xff, 1, 2, 3]),
    },
    { name: 'a length that is cut off', layer: 'wire', bytes: Buffer.from([0, 0]) },
    { name: 'the intro of a client', layer: 'wire', bytes: Buffer.from('WA\u0006\u0003') },
    { name: 'an answer of HTTP', layer: 'wire', bytes: Buffer.from('HTTP/1.1 502 Bad Gateway\r\n\r\n') },
    { name: 'an empty message of the WebSocket', layer: 'wire', bytes: Buffer.alloc(0) },
    ...NODES.map(([name, bytes]) => sealed(`node: ${name}`, Buffer.from(bytes))),
    sealed('node: compressed rubbish', Buffer.concat([Buffer.from([COMPRESSED]), chance.bytes(50)])),
    sealed('node: compressed, cut off', compressed(whole()).subarray(0, -4)),
    sealed(
      'node: compressed nothing',
      Buffer.concat([Buffer.from([COMPRESSED]), deflateSync(Buffer.alloc(0))]),
    ),
    sealed('node: 16 MB of zeros in a few bytes', theBomb()),
    ...from.flatMap(({ kind, stanza }) => bytesBent(kind, encodeBinaryNode(stanza), chance)),
  ]
}

/** The bytes of a stanza, cut, extended and flipped at places that the seed chooses. */
function bytesBent(kind: string, bytes: Buffer, chance: Seeded): FrameDamage[] {
  const cut = 2 + chance.below(bytes.length - 2)
  const flipped = Buffer.from(bytes)
  const at = Array.from({ length: 3 }, () => chance.below(bytes.length))
  for (const index of at) flipped[index] = (flipped[index] ?? 0) ^ (1 << chance.below(8))
  const listed = Buffer.from(bytes)
  listed[2] = chance.below(256)
  return [
    sealed(`${kind}: cut off after ${cut} of ${bytes.length} bytes`, bytes.subarray(0, cut)),
    sealed(`${kind}: bits flipped in bytes ${at.join(', ')}`, flipped),
    sealed(`${kind}: a list size of ${listed[2]}`, listed),
    sealed(`${kind}: rubbish behind it`, Buffer.concat([bytes, chance.bytes(20)])),
  ]
}

function theBomb(): Buffer {
  bomb ??= compressed(Buffer.alloc(BOMB_BYTES))
  return bomb
}

function compressed(plain: Buffer): Buffer {
  return Buffer.concat([Buffer.from([COMPRESSED]), deflateSync(plain)])
}

function sealed(name: string, bytes: Buffer): FrameDamage {
  return { name, layer: 'sealed', bytes }
}
