import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect, eventually, loggedIn, pair, simulatorFor } from './baileys-client.ts'

const DEVICE = '15550100101'
const OTHER = '15550100102'
const CONTACT = '15550100199'
const CONTACT_JID = `${CONTACT}@s.whatsapp.net`

test('any stanza can be sent over a live socket, and the socket closed after it', async (t) => {
  const simulator = await simulatorFor(t)
  const device = await loggedIn(simulator, await pair(simulator, DEVICE))

  simulator.sendStanza(DEVICE, { tag: 'stream:error', attrs: { code: '516' }, content: [] }, true)

  assert.equal(await device.closed(), 516)
})

test('a query about one contact is never answered, and a query about another contact is', async (t) => {
  const simulator = await simulatorFor(t)
  const device = await loggedIn(simulator, await pair(simulator, DEVICE))

  simulator.misbehave(DEVICE, { what: 'query', kind: 'usync', about: CONTACT, answer: 'never' })
  const unanswered = device.socket.onWhatsApp(CONTACT)
  unanswered.catch(() => undefined)

  assert.equal((await device.socket.onWhatsApp('15550100198'))?.length, 1)
  assert.equal(
    await Promise.race([unanswered, device.socket.onWhatsApp('15550100197').then(() => 'later')]),
    'later',
  )
  assert.equal(simulator.misdeeds()[0]?.used, 1)
})

test('a query may be answered late, refused, or when the misdeed is lifted', async (t) => {
  const simulator = await simulatorFor(t)
  const device = await loggedIn(simulator, await pair(simulator, DEVICE))
  const asked = () => device.socket.onWhatsApp(CONTACT)

  simulator.misbehave(
    DEVICE,
    { what: 'query', kind: 'usync', answer: { error: 429, text: 'rate' } },
    { times: 1 },
  )
  await assert.rejects(asked(), /rate/)

  simulator.misbehave(DEVICE, { what: 'query', kind: 'usync', answer: { afterMs: 300 } }, { times: 1 })
  const begun = performance.now()
  assert.equal((await asked())?.length, 1)
  assert.ok(performance.now() - begun >= 295)

  const { id } = simulator.misbehave(DEVICE, { what: 'query', kind: 'usync', answer: 'when-lifted' })
  const answer = asked()
  await eventually('the query', () => simulator.misdeeds().find((one) => one.id === id)?.used === 1)
  simulator.lift(id)
  assert.equal((await answer)?.length, 1)
})

test('an answer may be damaged, and still answers the query', async (t) => {
  const simulator = await simulatorFor(t)
  const device = await loggedIn(simulator, await pair(simulator, DEVICE))

  simulator.misbehave(DEVICE, { what: 'query', kind: 'blocklist', answer: { damaged: 2 } }, { times: 1 })
  await device.socket.fetchBlocklist().catch(() => undefined)

  assert.equal(simulator.misdeeds()[0]?.used, 1)
})

test('each query of a login can be chosen by its kind', async (t) => {
  const simulator = await simulatorFor(t)
  const credentials = await pair(simulator, DEVICE)
  const kinds = ['prekey-count', 'passive', 'digest', 'abt', 'blocklist', 'privacy']

  const ids = kinds.map(
    (kind) => simulator.misbehave(DEVICE, { what: 'query', kind, answer: { afterMs: 20 } }).id,
  )
  await loggedIn(simulator, credentials)

  await eventually('all of them', () => simulator.misdeeds().every(({ used }) => used > 0))
  assert.equal(ids.length, kinds.length)
})

test('an ack may be refused: the contact gets nothing until the same id is sent again', async (t) => {
  const simulator = await simulatorFor(t)
  const device = await loggedIn(simulator, await pair(simulator, DEVICE))
  const acks: unknown[] = []
  device.socket.ws.on('CB:ack,class:message', ({ attrs }: { attrs: { error?: string } }) =>
    acks.push(attrs.error),
  )
  const send = () => device.socket.sendMessage(CONTACT_JID, { text: 'hold' }, { messageId: 'ONE-ID' })

  simulator.misbehave(DEVICE, { what: 'ack', to: CONTACT, answer: { error: 429 } }, { times: 1 })
  await send()
  await eventually('the refusal', () => acks.length === 1)
  assert.deepEqual(simulator.received(DEVICE), [])
  await send()
  await eventually('the text', () => simulator.received(DEVICE).length === 1)
  await eventually('its ack', () => acks.length === 2)

  assert.deepEqual(acks, ['429', undefined])
})

test('a message whose ack is dropped is taken, and a late ack comes late', async (t) => {
  const simulator = await simulatorFor(t)
  const device = await loggedIn(simulator, await pair(simulator, DEVICE))
  const acks: unknown[] = []
  device.socket.ws.on('CB:ack,class:message', ({ attrs }: { attrs: { id: string } }) => acks.push(attrs.id))

  simulator.misbehave(DEVICE, { what: 'ack', answer: 'never' }, { times: 1 })
  simulator.misbehave(DEVICE, { what: 'ack', answer: { afterMs: 300 } }, { times: 1 })
  await device.socket.sendMessage(CONTACT_JID, { text: 'one' }, { messageId: 'ONE' })
  await device.socket.sendMessage(CONTACT_JID, { text: 'two' }, { messageId: 'TWO' })
  await device.socket.sendMessage(CONTACT_JID, { text: 'three' }, { messageId: 'THREE' })
  await eventually('all texts', () => simulator.received(DEVICE).length === 3)
  await eventually('the late ack', () => acks.length === 2)

  assert.deepEqual(acks, ['THREE', 'TWO'])
})

test('a receipt of a contact may be withheld', async (t) => {
  const simulator = await simulatorFor(t)
  const device = await loggedIn(simulator, await pair(simulator, DEVICE))
  const receipts: unknown[] = []
  device.socket.ws.on('CB:receipt', ({ attrs }: { attrs: { id: string } }) => receipts.push(attrs.id))

  simulator.misbehave(DEVICE, { what: 'receipt', from: CONTACT, answer: 'never' }, { times: 1 })
  await device.socket.sendMessage(CONTACT_JID, { text: 'one' }, { messageId: 'ONE' })
  await device.socket.sendMessage(CONTACT_JID, { text: 'two' }, { messageId: 'TWO' })
  await eventually('a receipt', () => receipts.length > 0)

  assert.deepEqual(receipts, ['TWO'])
})

test('a number may not be on WhatsApp', async (t) => {
  const simulator = await simulatorFor(t)
  const device = await loggedIn(simulator, await pair(simulator, DEVICE))

  const { id } = simulator.misbehave('*', { what: 'not-on-whatsapp', number: CONTACT })
  assert.deepEqual(await device.socket.onWhatsApp(CONTACT), [])
  simulator.lift(id)

  assert.equal((await device.socket.onWhatsApp(CONTACT))?.length, 1)
})

test('a silent server answers nothing, then everything in order, and the device stays', async (t) => {
  const simulator = await simulatorFor(t)
  const device = await loggedIn(simulator, await pair(simulator, DEVICE))
  const other = await loggedIn(simulator, await pair(simulator, OTHER))

  simulator.misbehave(DEVICE, { what: 'silence' }, { forMs: 1500 })
  const begun = performance.now()
  const answer = device.socket.onWhatsApp(CONTACT)
  await simulator.text(DEVICE, 'during the silence', CONTACT)
  const first = [
    answer.then(() => 'of the silenced'),
    other.socket.onWhatsApp(CONTACT).then(() => 'of the other'),
  ]
  assert.equal(await Promise.race(first), 'of the other')
  assert.deepEqual(device.texts, [])

  assert.equal((await answer)?.length, 1)
  assert.ok(performance.now() - begun >= 1490)
  await eventually('the text', () => device.texts.includes('during the silence'))
  assert.deepEqual(simulator.misdeeds(), [])
})

test('a server that is silent for all answers no new connection either', async (t) => {
  const simulator = await simulatorFor(t)
  const credentials = await pair(simulator, DEVICE)

  simulator.misbehave('*', { what: 'silence' }, { forMs: 500 })
  const begun = performance.now()
  await loggedIn(simulator, credentials)

  assert.ok(performance.now() - begun >= 490)
})

test('live messages may arrive while the offline batch still waits', async (t) => {
  const simulator = await simulatorFor(t)
  const credentials = await pair(simulator, DEVICE)
  await simulator.text(DEVICE, 'waited', CONTACT)
  simulator.misbehave(DEVICE, { what: 'offline-batch', liveAtOnce: true, holdMs: 500 })
  const arrived: unknown[] = []
  const device = connect(simulator, credentials)
  device.socket.ws.on('CB:message', ({ attrs }: { attrs: { offline?: string } }) =>
    arrived.push(attrs.offline),
  )
  await eventually('the login', () => simulator.accounts()[0]?.connectedTo)

  await simulator.text(DEVICE, 'live', CONTACT)
  await eventually('both', () => arrived.length === 2)

  assert.deepEqual(arrived, [undefined, '1'])
})

test('a slow batch arrives whole, and messages that were written meanwhile arrive after it', async (t) => {
  const simulator = await simulatorFor(t)
  const credentials = await pair(simulator, DEVICE)
  await simulator.texts(DEVICE, ['one', 'two', 'three'], { from: CONTACT })
  simulator.misbehave(DEVICE, { what: 'offline-batch', pauseMs: 100 })
  const device = connect(simulator, credentials)
  await eventually('the batch begun', () => simulator.misdeeds()[0]?.used === 1)

  await simulator.text(DEVICE, 'four', CONTACT)
  await eventually('all four', () => device.texts.length === 4)

  assert.deepEqual(device.texts, ['one', 'two', 'three', 'four'])
})

test('misdeeds are listed, end by themselves, and are lifted all at once', async (t) => {
  const simulator = await simulatorFor(t)
  await pair(simulator, DEVICE)

  const first = simulator.misbehave(DEVICE, { what: 'ack', answer: 'never' }, { times: 2 })
  simulator.misbehave('*', { what: 'silence' }, { forMs: 30 })

  assert.deepEqual(first, {
    id: 1,
    target: `${DEVICE}:1@s.whatsapp.net`,
    misdeed: { what: 'ack', answer: 'never' },
    left: 2,
    used: 0,
  })
  await eventually('the end of the silence', () => simulator.misdeeds().length === 1)
  simulator.liftAll()
  assert.deepEqual(simulator.misdeeds(), [])
  assert.throws(() => simulator.lift(1), { code: 'UNKNOWN_MISDEED' })
  assert.throws(() => simulator.misbehave('15550100150', { what: 'silence' }), { code: 'UNKNOWN_ACCOUNT' })
})
