/** The size to which a small compressed frame may grow, in the code of Baileys that reads it. */
import '../../../hosts/isolation/limited-inflate.ts'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deflateSync } from 'node:zlib'
import { decodeBinaryNode, encodeBinaryNode } from '@whiskeysockets/baileys'

const COMPRESSED = 2

function compressed(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([COMPRESSED]), deflateSync(bytes, { level: 9 })])
}

/** A node with `children` lists of 65,535 empty nodes, each of three bytes. */
function manyNodes(children: number): Buffer {
  const list = [Buffer.from([248, 2, 3, 249, 255, 255]), Buffer.alloc(65_535 * 3, Buffer.from([248, 1, 3]))]
  const head = Buffer.from([248, 2, 3, 249, children >> 8, children & 255])
  return Buffer.concat([head, ...Array.from({ length: children }, () => list).flat()])
}

test('a frame of some KB that holds three million nodes is refused before it is read', async () => {
  const frame = compressed(manyNodes(46))
  assert.ok(frame.length < 20_000)
  await assert.rejects(decodeBinaryNode(frame), { code: 'ERR_BUFFER_TOO_LARGE' })
})

test('a frame that inflates to a quarter of a gigabyte is refused before it takes the memory', async () => {
  const frame = compressed(Buffer.alloc(2 ** 28))
  await assert.rejects(decodeBinaryNode(frame), { code: 'ERR_BUFFER_TOO_LARGE' })
})

test('a large frame that shrinks as what people write does is read', async () => {
  const words = Array.from({ length: 60_000 }, (_, at) => `${at} ahoy `).join('')
  const node = { tag: 'message', attrs: {}, content: Buffer.from(words) }
  // The first byte says that the rest is not compressed.
  const frame = compressed(encodeBinaryNode(node).subarray(1))
  assert.deepEqual((await decodeBinaryNode(frame)).content, node.content)
})
