import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { Boom } from '@hapi/boom'
import { WebSocket } from 'ws'
import { guardWire } from '../../../hosts/whatsapp/guarded-wire.ts'

/** An open wire that Baileys listens to and that notes what leaves it, and a lease that the test ends. */
function aGuardedWire() {
  const left: unknown[] = []
  const lease = { isValid: true, asked: 0 }
  const wire = Object.assign(new EventEmitter(), {
    readyState: WebSocket.OPEN as number,
    send: (...frame: unknown[]) => void left.push(frame[0]),
    terminate() {
      wire.readyState = WebSocket.CLOSED
    },
  })
  const readAfterAsking: number[] = []
  wire.on('message', () => readAfterAsking.push(lease.asked))
  const guarded = guardWire(wire as unknown as WebSocket, () => {
    lease.asked += 1
    return lease.isValid
  })
  return { wire, lease, left, guarded, readAfterAsking, isCut: () => wire.readyState === WebSocket.CLOSED }
}

describe('a frame that leaves', () => {
  test('leaves at once within the lease', () => {
    const { wire, left } = aGuardedWire()

    wire.send('hello')

    assert.deepEqual(left, ['hello'])
  })

  test('does not leave when the lease is over: the wire is cut', () => {
    const { wire, left, lease, isCut } = aGuardedWire()
    lease.isValid = false

    wire.send('hello')

    assert.deepEqual(left, [])
    assert.equal(isCut(), true)
  })

  test('is refused with the error that Baileys itself uses', () => {
    const { wire, lease } = aGuardedWire()
    lease.isValid = false
    let heard: unknown

    wire.send('hello', (error: unknown) => {
      heard = error
    })

    assert.ok(heard instanceof Boom)
    assert.equal(heard.output.statusCode, 428)
  })
})

test('a frame that comes asks for the lease before an earlier listener reads it', () => {
  const { wire, readAfterAsking } = aGuardedWire()

  wire.emit('message', 'a frame')

  assert.deepEqual(readAfterAsking, [1])
})

describe('while credentials are being stored', () => {
  test('frames wait, and then leave in their order', async () => {
    const { wire, left, guarded } = aGuardedWire()
    const stored = Promise.withResolvers<void>()
    guarded.holdUntil(stored.promise)
    wire.send('first')
    wire.send('second')
    const leftMeanwhile = [...left]

    stored.resolve()
    await turn()

    assert.deepEqual(leftMeanwhile, [])
    assert.deepEqual(left, ['first', 'second'])
  })

  test('frames wait for the last of several stores', async () => {
    const { wire, left, guarded } = aGuardedWire()
    const [one, other] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    guarded.holdUntil(one.promise)
    guarded.holdUntil(other.promise)
    wire.send('hello')

    one.resolve()
    await turn()
    const leftMeanwhile = [...left]
    other.resolve()
    await turn()

    assert.deepEqual(leftMeanwhile, [])
    assert.deepEqual(left, ['hello'])
  })

  test('nothing leaves when the store fails: the wire is cut, and each sender hears of it', async () => {
    const { wire, left, guarded, isCut } = aGuardedWire()
    const stored = Promise.withResolvers<void>()
    guarded.holdUntil(stored.promise)
    const heard: unknown[] = []
    wire.send('first', (error: unknown) => heard.push(error))
    wire.send('second', (error: unknown) => heard.push(error))

    stored.reject(new Error('the store is out of reach'))
    await turn()

    assert.deepEqual(left, [])
    assert.equal(isCut(), true)
    assert.equal(heard.length, 2)
  })

  test('a frame that has waited does not leave when the lease has ended meanwhile', async () => {
    const { wire, left, lease, guarded } = aGuardedWire()
    const stored = Promise.withResolvers<void>()
    guarded.holdUntil(stored.promise)
    wire.send('hello')
    lease.isValid = false

    stored.resolve()
    await turn()

    assert.deepEqual(left, [])
  })
})
