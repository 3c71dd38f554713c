import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { Boom } from '@hapi/boom'
import { systemClock } from '../../../core/clock.ts'
import { MooringError } from '../../../core/errors.ts'
import { deviceId, serverId } from '../../../core/ids.ts'
import type { EventFields } from '../../../core/telemetry.ts'
import { attributeErrors, forDevice, forNobody, runFor } from '../../../hosts/isolation/attribution.ts'

/** A process whose errors are heard, and what was told of them. */
function aProcess() {
  const process = new EventEmitter()
  const told: [event: string, fields: EventFields | undefined][] = []
  const ends: unknown[] = []
  const telemetry = { emit: (event: string, fields?: EventFields) => void told.push([event, fields]) }
  attributeErrors(process, { clock: systemClock, telemetry }, (error) => ends.push(error))
  const faults: unknown[] = []
  const device = {
    deviceId: deviceId('shop-1'),
    serverId: serverId('web-1'),
    fault: (error: unknown) => void faults.push(error),
  }
  return { process, told, ends, faults, device }
}

test('an error in the work of a device is a fault of that device, and ends nothing else', () => {
  const { process, told, ends, faults, device } = aProcess()
  const error = new RangeError('offset is outside the bounds')

  runFor(device, () => process.emit('uncaughtException', error))

  assert.deepEqual(faults, [error])
  assert.deepEqual(ends, [])
  assert.equal(told[0]?.[0], 'device.fault')
  assert.equal(told[0]?.[1]?.deviceId, 'shop-1')
})

test('a rejection that nobody awaits is a fault of the device that it belongs to', () => {
  const { process, ends, faults, device } = aProcess()
  const error = new TypeError('node is undefined')

  runFor(device, () => process.emit('unhandledRejection', error))

  assert.deepEqual(faults, [error])
  assert.deepEqual(ends, [])
})

for (const thrown of [new Error('a bug of ours'), undefined, null, 'a text', { not: 'an error' }]) {
  test(`an error that belongs to no device ends the process: ${String(thrown)}`, () => {
    const { process, ends } = aProcess()

    process.emit('uncaughtException', thrown)

    assert.deepEqual(ends, [thrown])
  })
}

test('a fault that cannot be dealt with ends the process', () => {
  const { process, ends, device } = aProcess()
  const failure = new Error('the socket cannot be cut')
  const fault = () => {
    throw failure
  }

  runFor({ ...device, fault }, () => process.emit('uncaughtException', new Error('first')))

  assert.deepEqual(ends, [failure])
})

test('a request of Baileys that fails because its socket closed harms neither its device nor the process', () => {
  const { process, told, ends, faults, device } = aProcess()

  runFor(device, () => process.emit('unhandledRejection', new Boom('Connection Closed', { statusCode: 428 })))

  assert.deepEqual(ends, [])
  assert.deepEqual(faults, [])
  assert.equal(told[0]?.[0], 'socket.stray_rejection')
  assert.equal(told[0]?.[1]?.code, 428)
})

for (const code of ['EPIPE', 'ECONNRESET']) {
  test(`a write of Baileys into a connection that was just lost (${code}) ends nothing by itself`, () => {
    const { process, told, ends, faults, device } = aProcess()
    const error = Object.assign(new Error(`write ${code}`), { code, syscall: 'write' })

    runFor(device, () => process.emit('unhandledRejection', error))

    assert.deepEqual(faults, [])
    assert.deepEqual(ends, [])
    assert.equal(told[0]?.[0], 'socket.stray_rejection')
  })
}

test('such a write that belongs to no device ends the process anyway', () => {
  const { process, ends } = aProcess()
  const error = Object.assign(new Error('write EPIPE'), { code: 'EPIPE', syscall: 'write' })

  process.emit('unhandledRejection', error)

  assert.deepEqual(ends, [error])
})

test('a refusal of the auth state that comes back through unawaited work of Baileys ends nothing', () => {
  const { process, told, ends } = aProcess()

  process.emit('unhandledRejection', new MooringError('AUTH_ITEM_TOO_LARGE', 'an item of 400000 bytes'))

  assert.deepEqual(ends, [])
  assert.equal(told[0]?.[1]?.code, 'AUTH_ITEM_TOO_LARGE')
})

test('the functions of a socket run as work of its device, from wherever they are called', () => {
  const { process, faults, device } = aProcess()
  const error = new Error('in a send')
  const socket = forDevice(device, { send: () => process.emit('uncaughtException', error) })

  socket.send()

  assert.deepEqual(faults, [error])
})

test('the store that devices share runs as work of no device', () => {
  const { process, ends, faults, device } = aProcess()
  const error = new Error('in the connection of the store')
  const store = forNobody({ get: () => process.emit('uncaughtException', error) })

  runFor(device, () => store.get())

  assert.deepEqual(ends, [error])
  assert.deepEqual(faults, [])
})

test('a timer, a promise and a listener of a device stay its own', async () => {
  const { process, faults, device } = aProcess()
  const lands = (error: string) => process.emit('uncaughtException', error)
  const emitter = new EventEmitter()

  await runFor(device, async () => {
    await new Promise<void>((resolve) => setTimeout(() => resolve(void lands('timer')), 1))
    await Promise.resolve().then(() => lands('promise'))
    emitter.on('frame', () => lands('listener'))
    await new Promise<void>((resolve) => setImmediate(() => resolve(void emitter.emit('frame'))))
  })

  assert.deepEqual(faults, ['timer', 'promise', 'listener'])
})
