import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect, eventually, loggedIn, pair, simulatorFor } from './baileys-client.ts'
import { call, refusalOf } from './control-call.ts'

const DEVICE = '15550100101'
const CONTACT = '15550100199'

test('a misdeed is begun, listed and lifted through the control', async (t) => {
  const simulator = await simulatorFor(t)
  const credentials = await pair(simulator, DEVICE)

  const { status, body } = await call(simulator, 'POST', '/accounts/*/misdeeds', {
    misdeed: { what: 'refuse-login', reason: 402, attrs: { code: '101', expire: 60 } },
    times: 1,
  })
  assert.equal(await connect(simulator, credentials).closed(), 402)
  const listed = await call(simulator, 'GET', '/misdeeds')
  const lifted = await call(simulator, 'DELETE', `/misdeeds/${body.id}`)

  assert.equal(status, 200)
  assert.deepEqual(listed.body.misdeeds, [
    {
      id: 1,
      target: '*',
      misdeed: { what: 'refuse-login', reason: '402', attrs: { code: '101', expire: '60' } },
      left: 0,
      used: 1,
    },
  ])
  assert.deepEqual(lifted.body, { misdeeds: [] })
  assert.deepEqual(await call(simulator, 'DELETE', '/misdeeds'), { status: 200, body: { misdeeds: [] } })
})

test('the control takes every kind of misdeed', async (t) => {
  const simulator = await simulatorFor(t)
  await pair(simulator, DEVICE)
  const damage = { seed: 1, count: 2, from: 3, only: 'presence', ending: false }
  const misdeeds = [
    { what: 'refuse-login', tag: 'stream:error', children: ['conflict'] },
    { what: 'outdated', below: '2.3000.1' },
    { what: 'query', kind: 'key', about: CONTACT, answer: 'never' },
    { what: 'query', kind: '*', answer: { afterMs: 5 } },
    { what: 'query', kind: 'ping', answer: { error: 500, text: 'no' } },
    { what: 'query', kind: 'digest', answer: { damaged: 1 } },
    { what: 'ack', to: CONTACT, answer: { error: 463 }, taken: true },
    { what: 'receipt', from: CONTACT, answer: 'when-lifted' },
    { what: 'not-on-whatsapp', number: CONTACT },
    { what: 'login-damage', phase: 'success', damage },
    { what: 'offline-batch', liveAtOnce: true, holdMs: 1, pauseMs: 1 },
    { what: 'silence' },
  ]

  for (const misdeed of misdeeds) await call(simulator, 'POST', `/accounts/${DEVICE}/misdeeds`, { misdeed })

  assert.deepEqual(
    simulator.misdeeds().map(({ misdeed }) => misdeed),
    misdeeds,
  )
})

test('damage and single stanzas are sent through the control', async (t) => {
  const simulator = await simulatorFor(t)
  const device = await loggedIn(simulator, await pair(simulator, DEVICE))
  const heard: unknown[] = []
  device.socket.ws.on('CB:chatstate', (stanza: unknown) => heard.push(stanza))

  const { body } = await call(simulator, 'POST', `/accounts/${DEVICE}/damage`, {
    seed: 1,
    count: 2,
    only: 'presence available: stray attribute',
  })
  await call(simulator, 'POST', `/accounts/${DEVICE}/stanza`, {
    stanza: {
      tag: 'chatstate',
      attrs: { from: 'x' },
      content: [{ tag: 'bytes', content: { base64: 'AQI=' } }],
    },
  })
  await eventually('the stanza', () => heard.length === 1)
  await call(simulator, 'POST', `/accounts/${DEVICE}/stanza`, {
    stanza: { tag: 'failure', attrs: { reason: '406' } },
    end: true,
  })

  assert.equal(body.next, 2)
  assert.equal(body.cutShort, false)
  assert.deepEqual(heard, [
    {
      tag: 'chatstate',
      attrs: { from: 'x' },
      content: [{ tag: 'bytes', attrs: {}, content: Buffer.from([1, 2]) }],
    },
  ])
  assert.equal(await device.closed(), 406)
})

test('texts, groups and contacts that request a message again are steered through the control', async (t) => {
  const simulator = await simulatorFor(t)
  const device = await loggedIn(simulator, await pair(simulator, DEVICE), {
    getMessage: async () => ({ conversation: 'kept' }),
  })

  const texts = await call(simulator, 'POST', `/accounts/${DEVICE}/texts`, {
    texts: ['one', 'two'],
    from: CONTACT,
    addressing: 'lid',
    alternate: true,
    copies: 1,
    delayMs: 1,
    order: [1, 0],
  })
  const { jid } = (await call(simulator, 'POST', '/groups', { subject: 'Crew', members: [CONTACT, DEVICE] }))
    .body
  await call(simulator, 'POST', `/groups/${jid}/text`, { text: 'three', from: CONTACT })
  const added = await call(simulator, 'POST', `/groups/${jid}/members`, {
    change: 'add',
    members: ['15550100198'],
  })
  await call(simulator, 'POST', `/accounts/${DEVICE}/ask-again`, { id: 'KEPT', from: CONTACT })
  await eventually('all texts', () => device.texts.length === 3)
  await eventually('the message again', () => simulator.copies(DEVICE, 'KEPT').length === 1)
  const copies = await call(simulator, 'GET', `/accounts/${DEVICE}/copies?message=KEPT`)

  assert.equal((texts.body.ids as string[]).length, 2)
  assert.equal((added.body.members as unknown[]).length, 3)
  assert.deepEqual(copies.body, { copies: [{ to: CONTACT, copies: 1, decrypted: 1 }] })
  assert.deepEqual((await call(simulator, 'GET', '/groups')).body, { groups: simulator.groups() })
})

test('a request that cannot be carried out is answered with a status and a stable code', async (t) => {
  const simulator = await simulatorFor(t)
  await pair(simulator, DEVICE)
  const refused = (method: string, path: string, body?: unknown) => refusalOf(simulator, method, path, body)
  const misdeeds = `/accounts/${DEVICE}/misdeeds`

  assert.equal(await refused('POST', misdeeds, { misdeed: { what: 'sing' } }), '400 BAD_REQUEST')
  assert.equal(await refused('POST', misdeeds, { misdeed: { what: 'silence' }, times: 0 }), '400 BAD_REQUEST')
  assert.equal(
    await refused('POST', '/accounts/1555/misdeeds', { misdeed: { what: 'silence' } }),
    '404 UNKNOWN_ACCOUNT',
  )
  assert.equal(await refused('DELETE', '/misdeeds/7'), '404 UNKNOWN_MISDEED')
  assert.equal(
    await refused('POST', '/groups/1@g.us/text', { text: 'x', from: CONTACT }),
    '404 UNKNOWN_GROUP',
  )
  assert.equal(
    await refused('POST', `/accounts/${DEVICE}/damage`, { seed: 1, count: 1 }),
    '409 NOT_CONNECTED',
  )
  assert.equal(await refused('POST', `/accounts/${DEVICE}/damage`, { seed: 1 }), '400 BAD_REQUEST')
})
