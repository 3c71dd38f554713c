import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { Boom } from '@hapi/boom'
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
