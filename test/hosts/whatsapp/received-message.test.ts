import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type BinaryNode, encodeWAMessage, proto } from '@whiskeysockets/baileys'
import type { KeptStanza } from '../../../hosts/auth-state/inbox.ts'
import type { KnownNames } from '../../../hosts/auth-state/names.ts'
import type { WhoIsWho } from '../../../hosts/auth-state/who-is-who.ts'
import { messageOf } from '../../../hosts/whatsapp/received-message.ts'

const ME = '15550100100:1@s.whatsapp.net'
const CONTACT = '15550100101@s.whatsapp.net'
const GROUP = '1203630000@g.us'
const KEPT_AT = 1_800_000_000_000

/** Tells each person by the phone number, and notes about whom it was asked. */
function byNumber() {
  const asked: KnownNames[] = []
  const whoIsWho: WhoIsWho = {
    account: { jid: ME },
    async named(known) {
      asked.push(known)
      return known.pn === undefined ? undefined : { ...known, person: known.pn }
    },
  }
  return { asked, whoIsWho }
}

const padded = (message: proto.IMessage) => Buffer.from(encodeWAMessage(proto.Message.fromObject(message)))

function kept(message: proto.IMessage, attrs: Record<string, string> = {}): KeptStanza {
  return keptWith([{ tag: 'enc', attrs: { v: '2', type: 'msg' }, content: padded(message) }], attrs)
}

function keptWith(content: BinaryNode[], attrs: Record<string, string> = {}): KeptStanza {
  const stanza = {
    tag: 'message',
    attrs: { id: 'ID-1', from: CONTACT, t: '1900000000', ...attrs },
    content,
  }
  return { hash: 'h', keptAt: KEPT_AT, missing: 0, seq: 7, stanza }
}

const told = (stanza: KeptStanza) => messageOf(stanza, byNumber().whoIsWho)

describe('a text in a chat of two', () => {
  test('is told with its ids, its sender and its time', async () => {
    const message = await told(kept({ conversation: 'ahoy' }, { notify: 'Anna' }))

    assert.partialDeepStrictEqual(message, {
      messageId: 'ID-1',
      seq: 7,
      chat: CONTACT,
      from: CONTACT,
      person: CONTACT,
      fromMe: false,
      timestamp: 1_900_000_000_000,
      name: 'Anna',
    })
    assert.partialDeepStrictEqual(message?.message, { conversation: 'ahoy' })
  })

  test('has the time at which it was kept when WhatsApp tells none', async () => {
    const message = await told(kept({ conversation: 'ahoy' }, { t: 'soon' }))

    assert.equal(message?.timestamp, KEPT_AT)
  })

  test('has the time at which it was kept as its number when an older version kept it', async () => {
    const { seq: _, ...older } = kept({ conversation: 'ahoy' })

    const message = await told(older)

    assert.equal(message?.seq, KEPT_AT)
  })

  test('of the phone of this account is about the contact to whom it was written', async () => {
    const from = '15550100100@s.whatsapp.net'
    const message = await told(kept({ conversation: 'ahoy' }, { from, recipient: CONTACT }))

    assert.equal(message?.fromMe, true)
    assert.equal(message?.chat, CONTACT)
    assert.equal(message?.person, CONTACT)
  })
})

test('a text in a group is about the member who wrote it', async () => {
  const message = await told(kept({ conversation: 'ahoy' }, { from: GROUP, participant: CONTACT }))

  assert.equal(message?.chat, GROUP)
  assert.equal(message?.from, CONTACT)
  assert.equal(message?.person, CONTACT)
  assert.equal(message?.chatNames, undefined)
})

describe('nothing is told of', () => {
  test('a sender key alone', async () => {
    const key = { senderKeyDistributionMessage: { groupId: GROUP } }

    assert.equal(await told(kept(key)), undefined)
  })

  test('a message that the phone sends to its linked devices', async () => {
    const attrs = { from: '15550100100@s.whatsapp.net', category: 'peer' }

    assert.equal(await told(kept({ conversation: 'ahoy' }, attrs)), undefined)
  })

  test('a plaintext whose padding is damaged', async () => {
    const damaged = { tag: 'enc', attrs: { v: '2', type: 'msg' }, content: Buffer.from([10, 255]) }

    assert.equal(await told(keptWith([damaged])), undefined)
  })
})

test('a sender whose other name cannot be looked up fails the message instead of being told by two names', async () => {
  const whoIsWho: WhoIsWho = {
    account: { jid: ME },
    named: () => Promise.reject(new Error('the store is out of reach')),
  }

  await assert.rejects(messageOf(kept({ conversation: 'ahoy' }), whoIsWho), /out of reach/)
})
