import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WAMessage } from '@whiskeysockets/baileys'
import { type Client, eventually, loggedIn, pair, simulatorFor } from './baileys-client.ts'

const DEVICE = '15550100101'
const CONTACT = '15550100199'
const CONTACT_JID = `${CONTACT}@s.whatsapp.net`
const CONTACT_LID = '100015550100199@lid'

function messagesOf({ socket }: Client): WAMessage[] {
  const all: WAMessage[] = []
  socket.ev.on('messages.upsert', ({ messages }) => all.push(...messages))
  return all
}

test('a message by LID brings the number along', async (t) => {
  const simulator = await simulatorFor(t)
  const device = await loggedIn(simulator, await pair(simulator, DEVICE))
  const messages = messagesOf(device)

  await simulator.texts(DEVICE, ['hello'], { from: CONTACT, addressing: 'lid' })
  await eventually('the message', () => messages.length === 1)

  const { remoteJid, remoteJidAlt, addressingMode } = messages[0]?.key ?? {}
  assert.deepEqual(
    { remoteJid, remoteJidAlt, addressingMode },
    { remoteJid: CONTACT_LID, remoteJidAlt: CONTACT_JID, addressingMode: 'lid' },
  )
})

test('a message by either name may come without the other', async (t) => {
  const simulator = await simulatorFor(t)
  const device = await loggedIn(simulator, await pair(simulator, DEVICE))
  const messages = messagesOf(device)

  await simulator.texts(DEVICE, ['by LID'], { from: CONTACT, addressing: 'lid', alternate: false })
  await simulator.texts(DEVICE, ['by number'], { from: '15550100198', alternate: false })
  await eventually('both', () => messages.length === 2)

  assert.deepEqual(
    messages.map(({ key }) => [key.remoteJid, key.remoteJidAlt]),
    [
      [CONTACT_LID, undefined],
      ['15550100198@s.whatsapp.net', undefined],
    ],
  )
})

test('by number the LID comes along', async (t) => {
  const simulator = await simulatorFor(t)
  const device = await loggedIn(simulator, await pair(simulator, DEVICE))
  const messages = messagesOf(device)

  await simulator.texts(DEVICE, ['hello'], { from: CONTACT, addressing: 'pn' })
  await eventually('the message', () => messages.length === 1)

  assert.deepEqual([messages[0]?.key.remoteJid, messages[0]?.key.remoteJidAlt], [CONTACT_JID, CONTACT_LID])
})

test('what the own phone writes reaches the device under the chat, with both names', async (t) => {
  const simulator = await simulatorFor(t)
  const device = await loggedIn(simulator, await pair(simulator, DEVICE))
  const messages = messagesOf(device)

  await simulator.texts(DEVICE, ['mine'], { to: CONTACT, addressing: 'lid' })
  await eventually('the message', () => messages.length === 1)
  await eventually('an empty queue', () => simulator.accounts()[0]?.queued === 0)

  const { fromMe, remoteJid, remoteJidAlt } = messages[0]?.key ?? {}
  assert.deepEqual(
    { fromMe, remoteJid, remoteJidAlt },
    { fromMe: true, remoteJid: CONTACT_LID, remoteJidAlt: CONTACT_JID },
  )
  assert.equal(messages[0]?.message?.conversation, 'mine')
})

test('what the device writes to a LID is read by the contact, which answers under it', async (t) => {
  const simulator = await simulatorFor(t)
  const device = await loggedIn(simulator, await pair(simulator, DEVICE))
  const receipts: unknown[] = []
  device.socket.ws.on('CB:receipt', ({ attrs }: { attrs: { from: string } }) => receipts.push(attrs.from))
  await simulator.texts(DEVICE, ['hello'], { from: CONTACT, addressing: 'lid' })
  await eventually('the message', () => device.texts.length === 1)

  await device.socket.sendMessage(CONTACT_LID, { text: 'back' })
  await eventually('the answer', () => simulator.received(DEVICE).length === 1)
  await eventually('the receipt', () => receipts.length === 1)

  assert.equal(simulator.received(DEVICE)[0]?.to, CONTACT)
  assert.deepEqual(receipts, [CONTACT_LID])
  assert.equal(simulator.report().messages.undecryptable, 0)
})

test('names may change from message to message: every text is read', async (t) => {
  const simulator = await simulatorFor(t)
  const device = await loggedIn(simulator, await pair(simulator, DEVICE))

  await simulator.texts(DEVICE, ['one'], { from: CONTACT })
  await simulator.texts(DEVICE, ['two'], { from: CONTACT, addressing: 'lid' })
  await simulator.texts(DEVICE, ['three'], { from: CONTACT, addressing: 'lid', alternate: false })
  await simulator.texts(DEVICE, ['four'], { from: CONTACT, alternate: false })
  await eventually('all four', () => device.texts.length === 4)
  await eventually('an empty queue', () => simulator.accounts()[0]?.queued === 0)

  // the client takes one that teaches it a name longer, and does not keep the order
  assert.deepEqual(device.texts.toSorted(), ['four', 'one', 'three', 'two'])
})
