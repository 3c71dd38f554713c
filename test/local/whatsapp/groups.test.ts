import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually, loggedIn, messagesOf, pair, simulatorFor } from './baileys-client.ts'

const DEVICE = '15550100101'
const OTHER = '15550100102'
const [ANN, BEN] = ['15550100198', '15550100199'] as const

for (const addressing of ['pn', 'lid'] as const) {
  test(`a group by ${addressing}: a member's texts reach the device, with both names`, async (t) => {
    const simulator = await simulatorFor(t)
    const device = await loggedIn(simulator, await pair(simulator, DEVICE))
    const messages = messagesOf(device)
    const names = [`${ANN}@s.whatsapp.net`, `1000${ANN}@lid`]

    const { jid } = simulator.createGroup('Crew', [ANN, BEN, DEVICE], addressing)
    await simulator.groupText(jid, 'one', ANN)
    await simulator.groupText(jid, 'two', ANN)
    await simulator.groupText(jid, 'three', BEN)
    await eventually('all three', () => device.texts.length === 3)
    await eventually('an empty queue', () => simulator.accounts()[0]?.queued === 0)

    const first = messages.find(({ message }) => message?.conversation === 'one')?.key
    assert.deepEqual(device.texts, ['one', 'two', 'three'])
    assert.equal(first?.remoteJid, jid)
    const [participant, participantAlt] = addressing === 'pn' ? names : names.toReversed()
    assert.equal(first?.participant, participant)
    assert.equal(first?.participantAlt, participantAlt)
    assert.equal(simulator.report().messages.retries, 0)
  })

  test(`a group by ${addressing}: every member reads and confirms what the device writes`, async (t) => {
    const simulator = await simulatorFor(t)
    const device = await loggedIn(simulator, await pair(simulator, DEVICE))
    const receipts: unknown[] = []
    device.socket.ws.on('CB:receipt', ({ attrs }: { attrs: object }) => receipts.push(attrs))

    const { jid } = simulator.createGroup('Crew', [ANN, BEN, DEVICE], addressing)
    await device.socket.sendMessage(jid, { text: 'all hands' })
    await device.socket.sendMessage(jid, { text: 'once more' })
    await eventually('four texts', () => simulator.received(DEVICE).length === 4)
    await eventually('four receipts', () => receipts.length === 4)

    assert.deepEqual(
      simulator.received(DEVICE).map(({ to, text, group }) => ({ to, text, group })),
      [
        { to: ANN, text: 'all hands', group: jid },
        { to: BEN, text: 'all hands', group: jid },
        { to: ANN, text: 'once more', group: jid },
        { to: BEN, text: 'once more', group: jid },
      ],
    )
    assert.equal(simulator.report().messages.undecryptable, 0)
  })
}

test('devices in one group read each other', async (t) => {
  const simulator = await simulatorFor(t)
  const author = await loggedIn(simulator, await pair(simulator, DEVICE))
  const reader = await loggedIn(simulator, await pair(simulator, OTHER))

  const { jid } = simulator.createGroup('Crew', [ANN, DEVICE, OTHER])
  await author.socket.sendMessage(jid, { text: 'one' })
  await author.socket.sendMessage(jid, { text: 'two' })
  await eventually('both texts', () => reader.texts.length === 2)
  await reader.socket.sendMessage(jid, { text: 'three' })
  await eventually('the answer', () => author.texts.length === 1)

  assert.deepEqual(reader.texts, ['one', 'two'])
  assert.deepEqual(author.texts, ['three'])
})

test("a device that lost a member's sender key requests the text again and reads it", async (t) => {
  const simulator = await simulatorFor(t)
  const credentials = await pair(simulator, DEVICE)
  const device = await loggedIn(simulator, credentials)
  const { jid } = simulator.createGroup('Crew', [ANN, DEVICE])
  await simulator.groupText(jid, 'before', ANN)
  await eventually('the first text', () => device.texts.length === 1)

  await credentials.keys.set({ 'sender-key': { [`${jid}::${ANN}::0`]: null } })
  await simulator.groupText(jid, 'after', ANN)
  await eventually('the text after a retry', () => device.texts.includes('after'))

  assert.equal(simulator.report().messages.retries, 1)
})

test('a member who requests a message of the group again gets it again', async (t) => {
  const simulator = await simulatorFor(t)
  const credentials = await pair(simulator, DEVICE)
  const device = await loggedIn(simulator, credentials, {
    getMessage: async () => ({ conversation: 'all hands' }),
  })
  const { jid } = simulator.createGroup('Crew', [ANN, DEVICE])
  await device.socket.sendMessage(jid, { text: 'all hands' }, { messageId: 'SENT' })
  await eventually('the text', () => simulator.received(DEVICE).length === 1)

  await simulator.askAgain(DEVICE, { id: 'SENT', from: ANN, group: jid })

  await eventually(
    'the second copy',
    () => simulator.copies(DEVICE, 'SENT').find(({ to }) => to === ANN)?.decrypted === 2,
  )
})

test('the device hears who made a group and who joins or leaves it, even after it was offline', async (t) => {
  const simulator = await simulatorFor(t)
  const credentials = await pair(simulator, DEVICE)
  const made = simulator.createGroup('Crew', [ANN, DEVICE])

  const device = await loggedIn(simulator, credentials)
  const changes: unknown[] = []
  device.socket.ev.on('group-participants.update', ({ action, participants }) =>
    changes.push([action, participants.map(({ id }) => id)]),
  )
  simulator.changeGroup(made.jid, 'add', [BEN])
  simulator.changeGroup(made.jid, 'promote', [BEN])
  simulator.changeGroup(made.jid, 'remove', [ANN], BEN)
  await eventually('three changes', () => changes.length === 3)
  const { subject, participants } = await device.socket.groupMetadata(made.jid)

  assert.deepEqual(changes, [
    ['add', [`${BEN}@s.whatsapp.net`]],
    ['promote', [`${BEN}@s.whatsapp.net`]],
    ['remove', [`${ANN}@s.whatsapp.net`]],
  ])
  assert.equal(subject, 'Crew')
  assert.deepEqual(
    participants.map(({ id, admin }) => [id, admin]),
    [
      [`${DEVICE}@s.whatsapp.net`, null],
      [`${BEN}@s.whatsapp.net`, 'admin'],
    ],
  )
  assert.deepEqual(Object.keys(await device.socket.groupFetchAllParticipating()), [made.jid])
})

test('a message to a group that does not exist is refused, and so is one by a person who is no member', async (t) => {
  const simulator = await simulatorFor(t)
  const device = await loggedIn(simulator, await pair(simulator, DEVICE))
  const { jid } = simulator.createGroup('Crew', [ANN, DEVICE])

  await assert.rejects(simulator.groupText(jid, 'psst', BEN), { code: 'BAD_REQUEST' })
  await assert.rejects(async () => simulator.groupText('1@g.us', 'psst', ANN), { code: 'UNKNOWN_GROUP' })
  await assert.rejects(device.socket.groupMetadata('120363000000009999@g.us'), /missing <group>/)
})
