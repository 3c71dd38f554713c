import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { Boom } from '@hapi/boom'
import { MooringError } from '../../core/errors.ts'
import { ignoreStrayRejections } from '../../hosts/stray-rejections.ts'

test('a send of Baileys that fails because its socket closed does not end the server', () => {
  const emitted: string[] = []
  const process = new EventEmitter()
  ignoreStrayRejections(process, { emit: (event) => void emitted.push(event) })
  process.emit('unhandledRejection', new Boom('Connection Closed', { statusCode: 428 }))
  assert.deepEqual(emitted, ['socket.stray_rejection'])
})

test('any other rejection that nobody caught ends it', () => {
  const process = new EventEmitter()
  ignoreStrayRejections(process, { emit: () => undefined })
  assert.throws(() => process.emit('unhandledRejection', new TypeError('a bug of ours')), /a bug of ours/)
})

test('a refusal of the auth state that comes back through an unawaited work of Baileys does not end the server', () => {
  const emitted: unknown[] = []
  const process = new EventEmitter()
  ignoreStrayRejections(process, { emit: (_, fields) => void emitted.push(fields?.code) })
  process.emit('unhandledRejection', new MooringError('AUTH_ITEM_TOO_LARGE', 'an item of 400000 bytes'))
  assert.deepEqual(emitted, ['AUTH_ITEM_TOO_LARGE'])
})
