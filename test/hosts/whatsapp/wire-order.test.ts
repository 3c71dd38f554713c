import assert from 'node:assert/strict'
import { EventEmitter, once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { WebSocket, WebSocketServer } from 'ws'
import { type Clock, systemClock } from '../../../core/clock.ts'
import { framesInOrder, MESSAGE_MS_MAX, messagesInOrder } from '../../../hosts/whatsapp/wire-order.ts'

/** Baileys' side of a socket: its listener of an event ends when the test says so, and notes what it has
 *  begun. */
function listening(...events: string[]) {
  const ws = new EventEmitter()
  const begun: unknown[] = []
  const ends: (() => void)[] = []
  for (const event of events) {
    ws.on(event, (told) => {
      begun.push(told)
      return new Promise<void>((end) => ends.push(end))
    })
  }
  return { ws, begun, ends }
}

/** A clock whose timers run when the test says so. */
function handClock() {
  const timers: { readonly afterMs: number; readonly run: () => void }[] = []
  const clock: Clock = {
    ...systemClock,
    startTimer(afterMs, run) {
      timers.push({ afterMs, run })
      return { cancel: () => undefined }
    },
  }
  return { clock, timers }
}

function messages({ isOpen = () => true }: { readonly isOpen?: () => boolean } = {}) {
  const { ws, begun, ends } = listening('CB:message')
  const { clock, timers } = handClock()
  const held: number[] = []
  const overflows: number[] = []
  messagesInOrder(ws, {
    clock,
    isOpen,
    heldUp: (waiting) => held.push(waiting),
    overflows: (waiting) => overflows.push(waiting),
  })
  return {
    ids: () => begun.map((stanza) => (stanza as { attrs: { id: string } }).attrs.id),
    begun,
    ends,
    timers,
    held,
    overflows,
    comes: (id: string, more = {}) =>
      ws.emit('CB:message', { tag: 'message', attrs: { id, ...more }, content: [] }),
  }
}

test('a message is begun when the one before it has been handled, be they live or not', async () => {
  const { comes, ids, begun, ends } = messages()

  comes('waited', { offline: '1' })
  comes('live')
  await turn()
  const atFirst = ids()
  ends[0]?.()
  await turn()

  assert.deepEqual(atFirst, ['waited'])
  assert.deepEqual(ids(), ['waited', 'live'])
  assert.deepEqual(
    begun[0],
    { tag: 'message', attrs: { id: 'waited' }, content: [] },
    'Baileys would queue it',
  )
})

test('a message that is never handled holds up the next ones for ten seconds, and that is told', async () => {
  const { comes, ids, timers, held } = messages()

  for (const id of ['stuck', 'next', 'last']) comes(id)
  await turn()
  const before = ids()
  timers[0]?.run()
  await turn()

  assert.equal(timers[0]?.afterMs, MESSAGE_MS_MAX)
  assert.deepEqual(before, ['stuck'])
  assert.deepEqual(ids(), ['stuck', 'next'])
  assert.deepEqual(held, [2])
})

test('messages that wait when the socket closes are not begun, since WhatsApp delivers them again', async () => {
  let isOpen = true
  const { comes, ids, ends } = messages({ isOpen: () => isOpen })

  comes('first')
  comes('second')
  isOpen = false
  comes('third')
  ends[0]?.()
  await turn()

  assert.deepEqual(ids(), ['first'])
})

test('messages beyond the limit are not kept: the socket has to be cut', async () => {
  const { comes, overflows } = messages()

  for (let at = 0; at <= 20_001; at++) comes(`${at}`)

  assert.deepEqual(overflows, [20_000])
})

test('a frame is read when the one before it was decoded, and the close comes last', async () => {
  const { ws, begun, ends } = listening('message', 'close')
  framesInOrder(ws, { clock: systemClock, wire: new EventEmitter() as never })

  ws.emit('message', 'compressed')
  ws.emit('message', 'short')
  ws.emit('close', 'closed')
  await turn()
  const atFirst = [...begun]
  for (const at of [0, 1]) {
    ends[at]?.()
    await turn()
  }

  assert.deepEqual(atFirst, ['compressed'])
  assert.deepEqual(begun, ['compressed', 'short', 'closed'])
})

test('a thousand frames at once leave other devices their turn, and later frames stay in the network', async () => {
  const ws = new EventEmitter()
  const calls: string[] = []
  const wire = { pause: () => calls.push('pause'), resume: () => calls.push('resume') }
  let handled = 0
  ws.on('message', () => void handled++)
  framesInOrder(ws, { clock: systemClock, wire })

  for (let frame = 0; frame < 1000; frame++) ws.emit('message', frame)
  await turn()
  const afterOneTurn = handled
  while (handled < 1000) await turn()
  await turn()

  // The first stretch comes at once, the second by a timer that is due within the turn.
  assert.ok(afterOneTurn <= 2 * 20, `${afterOneTurn} frames in one turn`)
  assert.deepEqual(calls, ['pause', 'resume'])
})

test('a wire from which nothing is read is closed at once when it is cut', async () => {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 })
  await once(server, 'listening')
  server.on('connection', (peer) => {
    for (let frame = 0; frame < 5000; frame++) peer.send('frame')
  })
  const wire = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const ws = new EventEmitter()
  const held = Promise.withResolvers<void>()
  ws.on('message', () => held.promise)
  framesInOrder(ws, { clock: systemClock, wire })
  wire.on('message', (frame) => ws.emit('message', frame))
  const closed = once(wire, 'close')
  await until(async () => wire.isPaused)

  wire.terminate()
  await closed

  held.resolve()
  server.close()
})

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await turn()
}

test('a waiting frame is not read when the socket was closed meanwhile', async () => {
  const { ws, begun, ends } = listening('message', 'close')
  framesInOrder(ws, { clock: systemClock, wire: new EventEmitter() as never })

  ws.emit('message', 'compressed')
  ws.emit('message', 'short')
  ws.removeAllListeners('message')
  ends[0]?.()
  await turn()

  assert.deepEqual(begun, ['compressed'])
})
