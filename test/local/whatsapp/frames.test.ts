import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FramingError, frame, makeFrameReader, NOISE_PROLOGUE } from '../../../local/whatsapp/frames.ts'

const ROUTING = Buffer.from([0x45, 0x44, 0, 1, 0, 0, 2, 7, 7])
const one = Buffer.from('one')
const two = Buffer.from('two')

test('frames arrive whole, no matter how the socket cuts them', () => {
  const read = makeFrameReader()
  const sent = Buffer.concat([NOISE_PROLOGUE, frame(one), frame(two)])

  const arrived = [...sent].flatMap((byte) => read(Buffer.from([byte])))

  assert.deepEqual(arrived, [one, two])
})

test('an edge-routing prefix before the intro is skipped', () => {
  const read = makeFrameReader()

  assert.deepEqual(read(Buffer.concat([ROUTING, NOISE_PROLOGUE, frame(one)])), [one])
})

test('a stream that does not begin like a WhatsApp client is refused', () => {
  assert.throws(() => makeFrameReader()(Buffer.from('GET / HTTP/1.1')), FramingError)
})

test('a frame beyond the limit is refused before its bytes are collected', () => {
  const read = makeFrameReader()

  assert.throws(() => read(Buffer.concat([NOISE_PROLOGUE, Buffer.from([0xff, 0xff, 0xff])])), FramingError)
})
