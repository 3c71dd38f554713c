import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { describe, test } from 'node:test'
import type { BinaryNode } from '@whiskeysockets/baileys'
import type { Stall } from '../../../hosts/stalls/device-watch.ts'
import { createStallWatches } from '../../../hosts/stalls/stall-watch.ts'
import { watchMessages } from '../../../hosts/stalls/watched-messages.ts'
import { manualClock } from '../../builders/manual-clock.ts'

function aWatch() {
  const clock = manualClock()
  const told: Stall[] = []
  const watch = createStallWatches(clock).open({
    stalled: (stall) => told.push(stall),
    recovered: () => undefined,
  })
  return { clock, watch, told }
}

describe('messages', () => {
  const enc = { tag: 'enc', attrs: { type: 'msg' }, content: Buffer.from('x') }
  const message = (id: string, attrs: Record<string, string> = {}): BinaryNode => ({
    tag: 'message',
    attrs: { id, ...attrs },
    content: [enc],
  })
  /** Baileys' listener is the only one, and ends when the test says so. */
  function aClient() {
    const { clock, watch, told } = aWatch()
    const ws = new EventEmitter()
    const handled = Promise.withResolvers<void>()
    ws.on('CB:message', () => handled.promise)
    const { decrypted } = watchMessages(ws, watch)
    return {
      clock,
      watch,
      told,
      handled,
      decrypted,
      come: (stanza: BinaryNode) => ws.emit('CB:message', stanza),
    }
  }

  test('are a stall when they are never decrypted', () => {
    const { clock, told, come } = aClient()
    come(message('1'))

    clock.advance(25_000)

    assert.equal(told[0]?.kind, 'decrypt')
  })

  test('are no stall once decrypted, even if Baileys goes on with them for long', () => {
    const { clock, told, come, decrypted } = aClient()
    const stanza = message('1')
    come(stanza)

    decrypted(stanza)
    clock.advance(60_000)

    assert.deepEqual(told, [])
  })

  test('are no stall when Baileys has refused them without a decrypt', async () => {
    const { clock, watch, told, come, handled } = aClient()
    come({ ...message('1'), content: [] })

    handled.resolve()
    await new Promise(setImmediate)
    clock.advance(60_000)

    assert.deepEqual(told, [])
    assert.equal(watch.oldestMs(), 0)
  })

  test('that waited at WhatsApp are done once a later one is decrypted, since the earlier ones were refused', () => {
    const { clock, watch, told, come, decrypted } = aClient()
    const [refused, last] = [message('1', { offline: '1' }), message('2', { offline: '2' })]
    come(refused)
    come(last)
    clock.advance(15_000)

    decrypted(last)
    clock.advance(60_000)

    assert.deepEqual(told, [])
    assert.equal(watch.oldestMs(), 0)
  })

  test('that waited at WhatsApp are a stall when they are never decrypted', () => {
    const { clock, told, come } = aClient()
    come(message('1', { offline: '1' }))

    clock.advance(25_000)

    assert.equal(told[0]?.kind, 'decrypt')
  })
})
