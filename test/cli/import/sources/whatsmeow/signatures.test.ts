import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Curve } from '@whiskeysockets/baileys'
import { isSignedBy } from '../../../../../cli/import/sources/whatsmeow/signatures.ts'

const MESSAGE = Buffer.from('ahoy')

describe('a signature of a Curve25519 key', () => {
  test('is known as that of its key, whatever the sign of the point', () => {
    const pairs = Array.from({ length: 16 }, () => Curve.generateKeyPair())

    const known = pairs.map((pair) => isSignedBy(pair.public, MESSAGE, Curve.sign(pair.private, MESSAGE)))

    assert.deepEqual(
      known,
      pairs.map(() => true),
    )
  })

  test('is refused for another key, another message, and another length', () => {
    const pair = Curve.generateKeyPair()
    const signature = Curve.sign(pair.private, MESSAGE)

    assert.equal(isSignedBy(Curve.generateKeyPair().public, MESSAGE, signature), false)
    assert.equal(isSignedBy(pair.public, Buffer.from('avast'), signature), false)
    assert.equal(isSignedBy(pair.public, MESSAGE, signature.subarray(1)), false)
    assert.equal(isSignedBy(Buffer.alloc(32, 255), MESSAGE, Buffer.alloc(64)), false)
  })
})
