import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { encodeWAMessage, proto } from '@whiskeysockets/baileys'
import type { Store } from '../../../core/store/store.ts'
import type { OpenAuthState } from '../../../hosts/auth-state/auth-state.ts'
import type { KeptStanza } from '../../../hosts/auth-state/inbox.ts'
import { bareJid } from '../../../hosts/auth-state/names.ts'
import { whoIsWho } from '../../../hosts/auth-state/who-is-who.ts'
import type { ReceivedMessage } from '../../../hosts/whatsapp/received-message.ts'
import { messageOf } from '../../../hosts/whatsapp/received-message.ts'
import { breakable, newDevice, noting, open, startStore } from './fixtures.ts'

const ME = { jid: '15550100100:1@s.whatsapp.net', lid: '100000000000100:1@lid' }
const PN = '15550100101@s.whatsapp.net'
const LID = '100000000000101@lid'
const GROUP = '1203630000@g.us'
const BOTH = { pn: PN, lid: LID, person: LID }
const OWN = { pn: '15550100100@s.whatsapp.net', lid: '100000000000100@lid', person: '100000000000100@lid' }

let store: Store
let close: () => Promise<void>
before(async () => {
  ;({ store, close } = await startStore())
})
after(() => close())

const opened = () => open({ store, device: newDevice() })

/** The mapping as Baileys stores it when it has learnt both names. */
const learns = (auth: OpenAuthState) =>
  auth.state.keys.set({
    'lid-mapping': { '15550100101': '100000000000101', '100000000000101_reverse': '15550100101' },
  })

let messages = 0
function kept(attrs: Record<string, string>): KeptStanza {
  messages += 1
  const content = Buffer.from(encodeWAMessage(proto.Message.fromObject({ conversation: 'ahoy' })))
  return {
    hash: `hash-${messages}`,
    keptAt: 1_800_000_000_000 + messages,
    missing: 0,
    stanza: {
      tag: 'message',
      attrs: { id: `ID-${messages}`, t: '1900000000', ...attrs },
      content: [{ tag: 'enc', attrs: { type: 'msg' }, content }],
    },
  }
}

async function told(auth: OpenAuthState, attrs: Record<string, string>): Promise<ReceivedMessage> {
  const message = await messageOf(kept(attrs), whoIsWho(auth, ME))
  assert.ok(message)
  return message
}

const namesOf = ({ chat, from, chatNames, fromNames, person }: ReceivedMessage) => ({
  chat,
  from,
  chatNames,
  fromNames,
  person,
})

describe('a jid is told without the parts that name a device', () => {
  for (const [jid, bare] of [
    ['15550100101@s.whatsapp.net', PN],
    ['15550100101:12@s.whatsapp.net', PN],
    ['15550100101_1:12@s.whatsapp.net', PN],
    ['15550100101.0:12@s.whatsapp.net', PN],
    ['15550100101@c.us', PN],
    ['15550100101:99@hosted', PN],
    ['100000000000101:12@lid', LID],
    ['100000000000101:99@hosted.lid', LID],
    [GROUP, GROUP],
    ['status@broadcast', 'status@broadcast'],
    ['867051314767696@bot', '867051314767696@bot'],
    ['', ''],
    ['@lid', '@lid'],
    [`${'1'.repeat(300_000)}@lid`, `${'1'.repeat(300_000)}@lid`],
  ] as const) {
    test(`${jid.slice(0, 40)} is ${bare.slice(0, 40)}`, () => assert.equal(bareJid(jid), bare))
  }
})

describe('a message has both names of chat and sender, and one for the person', () => {
  const bothWays = { chatNames: BOTH, fromNames: BOTH, person: LID }
  const own = { from: OWN.pn, chatNames: BOTH, fromNames: OWN, person: LID }
  const ownByLid = { ...own, from: OWN.lid }
  const inGroup = { chat: GROUP, chatNames: undefined, fromNames: BOTH, person: LID }
  for (const [what, attrs, expected] of [
    ['by number', { from: PN, sender_lid: LID }, { chat: PN, from: PN, ...bothWays }],
    ['by LID', { from: LID, sender_pn: PN }, { chat: LID, from: LID, ...bothWays }],
    [
      'from a linked device, with the parts that name it',
      { from: '100000000000101:12@lid', sender_pn: '15550100101:12@s.whatsapp.net' },
      { chat: LID, from: LID, ...bothWays },
    ],
    [
      'from a hosted device',
      { from: '15550100101:99@hosted', sender_lid: '100000000000101:99@hosted.lid' },
      { chat: PN, from: PN, ...bothWays },
    ],
    [
      'in a group, by number',
      { from: GROUP, participant: PN, participant_lid: LID },
      { from: PN, ...inGroup },
    ],
    [
      'in a group, by LID',
      { from: GROUP, participant: LID, participant_pn: PN, addressing_mode: 'lid' },
      { from: LID, ...inGroup },
    ],
    ['own, by number', { from: ME.jid, recipient: PN, peer_recipient_lid: LID }, { chat: PN, ...own }],
    ['own, by LID', { from: ME.lid, recipient: LID, peer_recipient_pn: PN }, { chat: LID, ...ownByLid }],
    [
      'own, by LID, with its own number beside it',
      { from: ME.lid, recipient: LID, sender_pn: OWN.pn, recipient_pn: PN },
      { chat: LID, ...ownByLid },
    ],
    [
      'own, in a group',
      { from: GROUP, participant: ME.lid },
      { chat: GROUP, from: OWN.lid, chatNames: undefined, fromNames: OWN, person: OWN.lid },
    ],
    [
      'to oneself',
      { from: ME.jid, recipient: OWN.pn },
      { chat: OWN.pn, from: OWN.pn, chatNames: OWN, fromNames: OWN, person: OWN.lid },
    ],
  ] as const) {
    test(what, async () => {
      const message = await told(await opened(), attrs)

      assert.deepEqual(namesOf(message), expected)
    })
  }

  test('even if only the stored mapping has the other name, in both directions', async () => {
    const auth = await opened()
    await learns(auth)

    const ways = [
      await told(auth, { from: PN }),
      await told(auth, { from: LID }),
      await told(auth, { from: '100000000000101:3@hosted.lid' }),
      await told(auth, { from: GROUP, participant: PN }),
      await told(auth, { from: GROUP, participant: LID }),
      await told(auth, { from: ME.jid, recipient: PN }),
      await told(auth, { from: ME.lid, recipient: LID }),
    ]

    assert.deepEqual(
      ways.map(({ chatNames, fromNames, fromMe }) => (fromMe ? chatNames : fromNames)),
      ways.map(() => BOTH),
    )
    assert.deepEqual(new Set(ways.map(({ person }) => person)), new Set([LID]))
  })

  test('but never a name of the account itself, which Baileys may have stored for a contact', async () => {
    const auth = await opened()
    await auth.state.keys.set({ 'lid-mapping': { '100000000000101_reverse': '15550100100' } })

    const message = await told(auth, { from: LID })

    assert.deepEqual(message.fromNames, { lid: LID, person: LID })
  })

  test('damaged names beside the sender are ignored', async () => {
    const message = await told(await opened(), { from: LID, sender_pn: 'x', participant_pn: '' })

    assert.deepEqual(message.fromNames, { lid: LID, person: LID })
  })
})

describe('a person keeps the name that was told first', () => {
  test('the LID, when the number becomes known later', async () => {
    const auth = await opened()

    const first = await told(auth, { from: LID })
    const then = await told(auth, { from: LID, sender_pn: PN })
    await learns(auth)
    const last = [await told(auth, { from: PN }), await told(auth, { from: GROUP, participant: PN })]

    assert.deepEqual(
      [first, then, ...last].map(({ person }) => person),
      [LID, LID, LID, LID],
    )
  })

  test('the number, when the LID becomes known later, even for the next owner of the device', async () => {
    const device = newDevice()
    const auth = await open({ store, device })

    const first = await told(auth, { from: PN })
    const then = await told(auth, { from: LID, sender_pn: PN })
    await auth.inbox.take([])
    auth.close()
    const next = await open({ store, device, epoch: 2 })
    await next.inbox.find('whatever')
    await learns(next)
    const last = [await told(next, { from: LID }), await told(next, { from: GROUP, participant: LID })]

    assert.deepEqual(
      [first, then, ...last].map(({ person }) => person),
      [PN, PN, PN, PN],
    )
    assert.deepEqual(last[0]?.fromNames, { pn: PN, lid: LID, person: PN })
  })
})

describe('looking a name up', () => {
  test('takes one request for each contact and socket, and none when the message says both', async () => {
    const { requests, store: noted } = noting(store)
    const auth = await open({ store: noted, device: newDevice() })
    requests.length = 0

    await told(auth, { from: LID, sender_pn: PN })
    await told(auth, { from: LID })
    await told(auth, { from: LID })
    await told(auth, { from: GROUP, participant: LID })

    assert.equal(requests.length, 1, String(requests))
  })

  test('fails when the store does not answer, so that the message is told later, by the right name', async () => {
    const { breaker, store: failing } = breakable(store)
    const auth = await open({ store: failing, device: newDevice() })
    breaker.broken = true

    await assert.rejects(told(auth, { from: LID }), /out of reach/)

    breaker.broken = false
    assert.equal((await told(auth, { from: LID })).person, LID)
  })
})

test('a message carries the time of WhatsApp, or its arrival when WhatsApp tells none', async () => {
  const auth = await opened()

  const times = [await told(auth, { from: PN, t: '1900000001' }), await told(auth, { from: PN, t: 'soon' })]

  assert.equal(times[0]?.timestamp, 1_900_000_001_000)
  assert.equal(times[1]?.timestamp, 1_800_000_000_000 + messages)
})
