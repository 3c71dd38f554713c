import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WAMessage, WAMessageContent } from '@whiskeysockets/baileys'
import { type Client, connect, eventually, loggedIn, pair, simulatorFor } from './baileys-client.ts'

const DEVICE = '15550100101'
const CONTACT = '15550100199'
const CONTACT_JID = `${CONTACT}@s.whatsapp.net`
const KEPT: WAMessageContent = { conversation: 'once more' }

const arrivals = ({ socket }: Client) => {
  const stanzas: string[] = []
  socket.ws.on('CB:message', ({ attrs }: { attrs: { id: string } }) => stanzas.push(attrs.id))
  return stanzas
}

test('a contact that requests a message again gets it when the device still has it', async (t) => {
  const simulator = await simulatorFor(t)
  const credentials = await pair(simulator, DEVICE)
  const device = await loggedIn(simulator, credentials, { getMessage: async () => KEPT })
  await device.socket.sendMessage(CONTACT_JID, { text: 'once more' }, { messageId: 'SENT' })
  await eventually('the text', () => simulator.received(DEVICE).length === 1)

  await simulator.askAgain(DEVICE, { id: 'SENT', from: CONTACT })
  await eventually('the second copy', () => simulator.copies(DEVICE, 'SENT')[0]?.copies === 2)

  assert.deepEqual(simulator.copies(DEVICE, 'SENT'), [{ to: CONTACT, copies: 2, decrypted: 2 }])
  assert.equal(simulator.report().messages.duplicates, 1)
})

test('a request of a contact while the device is offline reaches the device at its next login', async (t) => {
  const simulator = await simulatorFor(t)
  const credentials = await pair(simulator, DEVICE)
  const before = await loggedIn(simulator, credentials)
  await before.socket.sendMessage(CONTACT_JID, { text: 'once more' }, { messageId: 'SENT' })
  await eventually('the text', () => simulator.received(DEVICE).length === 1)
  before.socket.end(undefined)
  await before.closed()

  await simulator.askAgain(DEVICE, { id: 'SENT', from: CONTACT })
  await loggedIn(simulator, credentials, { getMessage: async () => KEPT })

  await eventually('the second copy', () => simulator.copies(DEVICE, 'SENT')[0]?.decrypted === 2)
})

test('a receipt that the device has acknowledged is not sent again', async (t) => {
  const simulator = await simulatorFor(t)
  const credentials = await pair(simulator, DEVICE)
  const first = await loggedIn(simulator, credentials, { getMessage: async () => KEPT })
  await simulator.askAgain(DEVICE, { id: 'UNKNOWN', from: CONTACT, afterMs: 50 })
  await eventually('its answer', () => simulator.copies(DEVICE, 'UNKNOWN').length === 1)
  first.socket.end(undefined)
  await first.closed()

  const receipts: unknown[] = []
  const second = connect(simulator, credentials)
  second.socket.ws.on('CB:receipt', (receipt: unknown) => receipts.push(receipt))
  await second.opened()
  await simulator.text(DEVICE, 'behind it', CONTACT)
  await eventually('the text', () => second.texts.includes('behind it'))

  assert.deepEqual(receipts, [])
})

test('a message may arrive twice under its id', async (t) => {
  const simulator = await simulatorFor(t)
  const device = await loggedIn(simulator, await pair(simulator, DEVICE))
  const stanzas = arrivals(device)

  const { ids } = await simulator.texts(DEVICE, ['twice'], { from: CONTACT, copies: 2 })
  await eventually('both', () => stanzas.length === 2)

  assert.deepEqual(stanzas, [ids[0], ids[0]])
})

test('messages may arrive in another order, and late', async (t) => {
  const simulator = await simulatorFor(t)
  const device = await loggedIn(simulator, await pair(simulator, DEVICE))
  const messages: WAMessage[] = []
  device.socket.ev.on('messages.upsert', ({ messages: some }) => messages.push(...some))
  const begun = performance.now()

  const { ids } = await simulator.texts(DEVICE, ['one', 'two', 'three'], {
    from: CONTACT,
    order: [2, 0, 1],
    delayMs: 300,
  })
  await eventually('all', () => device.texts.length === 3)

  assert.ok(performance.now() - begun >= 295)
  assert.deepEqual(device.texts, ['three', 'one', 'two'])
  assert.deepEqual(
    messages.map(({ key }) => key.id),
    [ids[2], ids[0], ids[1]],
  )
})

test('an order that leaves a text out is refused', async (t) => {
  const simulator = await simulatorFor(t)
  await pair(simulator, DEVICE)

  await assert.rejects(simulator.texts(DEVICE, ['one', 'two'], { order: [0, 0] }), { code: 'BAD_REQUEST' })
})
