import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually, loggedIn, messagesOf, pair, simulatorFor } from './baileys-client.ts'

const DEVICE = '15550100101'
const CONTACT = '15550100199'
const CONTACT_JID = `${CONTACT}@s.whatsapp.net`
const CONTACT_LID = '100015550100199@lid'

test('a message by LID also has the number', async (t) => {
  const simulator = await simulatorFor(t)
  const device = await loggedIn(simulator, await pair(simulator, DEVICE))
  const messages = messagesOf(device)

  await simulator.texts(DEVICE, ['hello'], { from: CONTACT, addressing: 'lid' })
  await eventually('the message', () => messages.length === 1)

  assert.partialDeepStrictEqual(messages[0]?.key, {
    remoteJid: CONTACT_LID,
    remoteJidAlt: CONTACT_JID,
    addressingMode: 'lid',
  })
})

test('a message by either name may come without the other name', async (t) => {
  const simulator = await simulatorFor(t)
  const device = await loggedIn(simulator, await pair(simulator, DEVICE))
  const messages = messagesOf(device)

  await simulator.texts(DEVICE, ['by LID'], { from: CONTACT, addressing: 'lid', alternate: false })
  await simulator.texts(DEVICE, ['by number'], { from: '15550100198', alternate: false })
  await eventually('both', () => messages.length === 2)

  const [byLid, byNumber] = messages
  assert.equal(byLid?.key.remoteJid, CONTACT_LID)
  assert.equal(byLid.key.remoteJidAlt, undefined)
  assert.equal(byNumber?.key.remoteJid, '15550100198@s.whatsapp.net')
  assert.equal(byNumber.key.remoteJidAlt, undefined)
})

test('a message by number also has the LID', async (t) => {
  const simulator = await simulatorFor(t)
  const device = await loggedIn(simulator, await pair(simulator, DEVICE))
  const messages = messagesOf(device)

  await simulator.texts(DEVICE, ['hello'], { from: CONTACT, addressing: 'pn' })
  await eventually('the message', () => messages.length === 1)

  assert.equal(messages[0]?.key.remoteJid, CONTACT_JID)
  assert.equal(messages[0].key.remoteJidAlt, CONTACT_LID)
})

test("a message of the device's own phone reaches the device under the chat, with both names", async (t) => {
  const simulator = await simulatorFor(t)
  const device = await loggedIn(simulator, await pair(simulator, DEVICE))
  const messages = messagesOf(device)

  await simulator.texts(DEVICE, ['mine'], { to: CONTACT, addressing: 'lid' })
  await eventually('the message', () => messages.length === 1)
  await eventually('an empty queue', () => simulator.accounts()[0]?.queued === 0)

  assert.partialDeepStrictEqual(messages[0]?.key, {
    fromMe: true,
    remoteJid: CONTACT_LID,
    remoteJidAlt: CONTACT_JID,
  })
  assert.equal(messages[0]?.message?.conversation, 'mine')
})

test('a contact reads what the device writes to its LID, and answers under that LID', async (t) => {
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

  // A message that teaches the client a new name takes it longer, so it does not keep the order.
  assert.deepEqual(device.texts.toSorted(), ['four', 'one', 'three', 'two'])
})
