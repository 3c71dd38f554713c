import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { describe, test } from 'node:test'
import type { BinaryNode } from '@whiskeysockets/baileys'
import { createStallWatches, type Stall } from '../../../hosts/stalls/stall-watch.ts'
import { watchMessages } from '../../../hosts/stalls/watched-messages.ts'
import { watchQueries } from '../../../hosts/stalls/watched-queries.ts'
import { createDeviceLists } from '../../../hosts/whatsapp/device-lists.ts'
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

describe('queries', () => {
  /** As Baileys listens for the answer to a query. */
  function aClient() {
    const { clock, watch, told } = aWatch()
    const ws = new EventEmitter()
    let pings = 0
    const ping = async () => void pings++
    watchQueries(ws, watch, { clock, ping, pingAfterMs: 8000 }, new AbortController().signal)
    const ask = (id: string) => ws.on(`TAG:${id}`, () => undefined)
    const answer = (id: string) => ws.emit(`TAG:${id}`)
    return { clock, watch, told, ask, answer, pings: () => pings }
  }

  test('of which none is answered are a stall, and a ping has been tried', async () => {
    const { clock, told, ask, pings } = aClient()
    ask('1')
    clock.advance(1000)
    ask('2')

    clock.advance(8000)
    await new Promise(setImmediate)
    clock.advance(8000)
    await new Promise(setImmediate)
    assert.deepEqual([pings(), told], [1, []])
    clock.advance(6000)

    assert.equal(told[0]?.kind, 'query')
  })

  test('after which another one was answered are none: WhatsApp leaves some unanswered', () => {
    const { clock, watch, told, ask, answer } = aClient()
    ask('never answered')
    clock.advance(10_000)
    ask('ping')

    answer('ping')
    clock.advance(60_000)

    assert.deepEqual(told, [])
    assert.equal(watch.oldestMs(), 0)
  })

  test('that an earlier one was answered before are still waited for', () => {
    const { clock, told, ask, answer } = aClient()
    ask('1')
    ask('2')
    answer('1')

    clock.advance(25_000)

    assert.equal(told.length > 0, true)
  })
})

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

  test('that wait and are never decrypted are a stall', () => {
    const { clock, told, come } = aClient()
    come(message('1'))

    clock.advance(25_000)

    assert.equal(told[0]?.kind, 'decrypt')
  })

  test('that are decrypted are none, although what follows takes its time', () => {
    const { clock, told, come, decrypted } = aClient()
    const stanza = message('1')
    come(stanza)

    decrypted(stanza)
    clock.advance(60_000)

    assert.deepEqual(told, [])
  })

  test('that are refused undecrypted are none when Baileys has handled them', async () => {
    const { clock, watch, told, come, handled } = aClient()
    come({ ...message('1'), content: [] })

    handled.resolve()
    await new Promise(setImmediate)
    clock.advance(60_000)

    assert.deepEqual([told, watch.oldestMs()], [[], 0])
  })

  test('that had waited at WhatsApp count, too, and with one those that were queued before it', () => {
    const { clock, watch, told, come, decrypted } = aClient()
    const [refused, last] = [message('1', { offline: '1' }), message('2', { offline: '2' })]
    come(refused)
    come(last)
    clock.advance(15_000)

    decrypted(last)
    clock.advance(60_000)

    assert.deepEqual([told, watch.oldestMs()], [[], 0])
  })

  test('that had waited at WhatsApp and that nobody decrypts are a stall', () => {
    const { clock, told, come } = aClient()
    come(message('1', { offline: '1' }))

    clock.advance(25_000)

    assert.equal(told[0]?.kind, 'decrypt')
  })
})

describe('the list of a contact’s devices', () => {
  test('is fresh for five minutes', () => {
    const clock = manualClock()
    const lists = createDeviceLists(clock)
    lists.set('15550100101', ['a'])
    assert.deepEqual(lists.get('15550100101'), ['a'])

    clock.advance(5 * 60_000)

    assert.deepEqual([lists.isFresh('15550100101'), lists.get('15550100101')], [false, undefined])
  })

  test('stays for a send that is about to use it, and is asked for again by the next', () => {
    const clock = manualClock()
    const lists = createDeviceLists(clock)
    lists.set('15550100101', ['a'])
    const pinned = lists.pin(['15550100101'])

    lists.del('15550100101')
    clock.advance(5 * 60_000)

    assert.deepEqual([lists.isFresh('15550100101'), lists.get('15550100101')], [false, ['a']])
    pinned.release()
    assert.equal(lists.get('15550100101'), undefined)
  })

  test('gives way to newer ones when there are too many', () => {
    const lists = createDeviceLists(manualClock())
    for (const user of Array.from({ length: 5001 }, (_, at) => `${at}`)) lists.set(user, [])

    assert.deepEqual([lists.isFresh('0'), lists.isFresh('1'), lists.isFresh('5000')], [false, true, true])
  })
})
