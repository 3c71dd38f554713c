import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually, loggedIn, pair, simulatorFor } from './baileys-client.ts'

const DEVICE = '15550100'
const CONTACT = '15550199'
const CONTACT_JID = `${CONTACT}@s.whatsapp.net`
/** The client keeps its session with the contact under the contact's LID. */
const SESSION = '100000015550199_1.0'

test('texts in both directions are decrypted, again and again', async (t) => {
  const simulator = await simulatorFor(t)
  const device = await loggedIn(simulator, await pair(simulator, DEVICE))

  await simulator.text(DEVICE, 'first', CONTACT)
  await eventually('the first text', () => device.texts.includes('first'))
  await device.socket.sendMessage(CONTACT_JID, { text: 'second' })
  await eventually('the second text', () => simulator.received(DEVICE).length === 1)
  await simulator.text(DEVICE, 'third', CONTACT)
  await eventually('the third text', () => device.texts.includes('third'))
  await device.socket.sendMessage(CONTACT_JID, { text: 'fourth' })
  await eventually('the fourth text', () => simulator.received(DEVICE).length === 2)

  assert.deepEqual(device.texts, ['first', 'third'])
  assert.deepEqual(
    simulator.received(DEVICE).map(({ to, text }) => ({ to, text })),
    [
      { to: CONTACT, text: 'second' },
      { to: CONTACT, text: 'fourth' },
    ],
  )
  assert.deepEqual(simulator.report().messages, {
    sent: 2,
    decrypted: 2,
    duplicates: 0,
    undecryptable: 0,
    texted: 2,
    received: 2,
    nacked: 0,
    dropped: 0,
    retries: 0,
  })
})

test('a text to a device that is offline arrives after its next login', async (t) => {
  const simulator = await simulatorFor(t)
  const credentials = await pair(simulator, DEVICE)
  const before = await loggedIn(simulator, credentials)
  before.socket.end(undefined)
  await before.closed()

  await simulator.text(DEVICE, 'one', CONTACT)
  await simulator.text(DEVICE, 'two', CONTACT)
  assert.equal(simulator.accounts()[0]?.queued, 2)
  const after = await loggedIn(simulator, credentials)
  await eventually('both texts', () => after.texts.length === 2)

  assert.deepEqual(after.texts, ['one', 'two'])
  await eventually('an empty queue', () => simulator.accounts()[0]?.queued === 0)
})

test('a device that has just been linked gets the texts that were written before its first login', async (t) => {
  const simulator = await simulatorFor(t)
  const credentials = await pair(simulator, DEVICE)

  await simulator.text(DEVICE, 'welcome', CONTACT)
  const device = await loggedIn(simulator, credentials)

  await eventually('the text', () => device.texts.includes('welcome'))
})

test('two devices exchange texts, and so do their phones', async (t) => {
  const simulator = await simulatorFor(t)
  const author = await loggedIn(simulator, await pair(simulator, DEVICE))
  const reader = await loggedIn(simulator, await pair(simulator, '15550101'))

  await author.socket.sendMessage('15550101@s.whatsapp.net', { text: 'ahoy' })
  await eventually('the text at the device', () => reader.texts.includes('ahoy'))

  assert.equal(simulator.received(DEVICE)[0]?.to, '15550101')
})

test('a message that comes again under its id is a duplicate, not a second text', async (t) => {
  const simulator = await simulatorFor(t)
  const device = await loggedIn(simulator, await pair(simulator, DEVICE))

  await device.socket.sendMessage(CONTACT_JID, { text: 'once' }, { messageId: 'SAME-ID' })
  await device.socket.sendMessage(CONTACT_JID, { text: 'once' }, { messageId: 'SAME-ID' })
  await eventually('the duplicate', () => simulator.report().messages.duplicates === 1)

  assert.equal(simulator.received(DEVICE).length, 1)
})

test('a device that lost its session requests the text again and then reads it', async (t) => {
  const simulator = await simulatorFor(t)
  const credentials = await pair(simulator, DEVICE)
  const device = await loggedIn(simulator, credentials)
  await simulator.text(DEVICE, 'before', CONTACT)
  await eventually('the first text', () => device.texts.includes('before'))
  await device.socket.sendMessage(CONTACT_JID, { text: 'so that the session is settled' })
  await eventually('the answer', () => simulator.received(DEVICE).length === 1)

  await credentials.keys.set({ session: { [SESSION]: null } })
  await simulator.text(DEVICE, 'after', CONTACT)
  await eventually('the text after a retry', () => device.texts.includes('after'))
  await eventually('an empty queue', () => simulator.accounts()[0]?.queued === 0)

  assert.partialDeepStrictEqual(simulator.report().messages, { retries: 1, nacked: 1, received: 2 })
})

test('a contact that cannot decrypt a message requests it again, and is counted', async (t) => {
  const simulator = await simulatorFor(t)
  const credentials = await pair(simulator, DEVICE)
  const device = await loggedIn(simulator, credentials)
  await device.socket.sendMessage(CONTACT_JID, { text: 'one' })
  await eventually('the first text', () => simulator.received(DEVICE).length === 1)
  const { [SESSION]: early } = await credentials.keys.get('session', [SESSION])
  const overtaken = structuredClone(early ?? null)
  await device.socket.sendMessage(CONTACT_JID, { text: 'two' })
  await eventually('the second text', () => simulator.received(DEVICE).length === 2)

  await credentials.keys.set({ session: { [SESSION]: overtaken } })
  await device.socket.sendMessage(CONTACT_JID, { text: 'three' })
  await eventually('the third text, sent again', () => simulator.received(DEVICE).length === 3)

  assert.equal(simulator.received(DEVICE)[2]?.text, 'three')
  assert.equal(simulator.report().messages.undecryptable, 1)
})
