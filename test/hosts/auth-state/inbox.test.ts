import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  addTransactionCapability,
  type BinaryNode,
  decryptMessageNode,
  encodeWAMessage,
  proto,
} from '@whiskeysockets/baileys'
import { type Clock, systemClock } from '../../../core/clock.ts'
import type { DeviceId } from '../../../core/ids.ts'
import type { Store } from '../../../core/store/store.ts'
import type { OpenAuthState } from '../../../hosts/auth-state/auth-state.ts'
import { messageOf } from '../../../hosts/whatsapp/received-message.ts'
import { authOptions } from '../../../hosts/whatsapp/signal/safe-repository.ts'
import { silenceConsole } from '../../../hosts/whatsapp/silence-console.ts'
import { type Contact, contactParty } from '../whatsapp/signal/conversation.ts'
import { breakable, impatientClock, newDevice, noting, open, silentLogger, startStore } from './fixtures.ts'

const ME = { jid: '15550100100:1@s.whatsapp.net' }
const GROUP = '1203630000@g.us'

let store: Store
let close: () => Promise<void>
before(async () => {
  // libsignal prints sessions, private keys included
  silenceConsole()
  ;({ store, close } = await startStore())
})
after(() => close())

/** The receiving half of a socket of the device: it is handed stanzas, and Baileys decrypts them. */
function receiver(auth: OpenAuthState, { clock = systemClock }: { clock?: Clock } = {}) {
  const { creds } = auth.state
  creds.me = { id: ME.jid }
  let cuts = 0
  const { config, met } = authOptions(auth, clock, () => {
    cuts += 1
  })
  const keys = addTransactionCapability(config.auth.keys, silentLogger, config.transactionOpts)
  const repository = config.makeSignalRepository({ creds, keys }, silentLogger)
  return {
    repository,
    cuts: () => cuts,
    /** @returns the text, or why there is none */
    async receives(stanza: BinaryNode): Promise<string> {
      met(stanza)
      const { fullMessage, decrypt } = decryptMessageNode(stanza, ME.jid, '', repository, silentLogger)
      await decrypt()
      const { message, messageStubParameters } = fullMessage
      return messageStubParameters?.[0] ?? message?.conversation ?? ''
    },
  }
}

async function textsIn({ inbox }: OpenAuthState): Promise<unknown[]> {
  const stop = new AbortController()
  const waiting = inbox.waiting(stop.signal)
  // Kept messages come at once.
  setTimeout(() => stop.abort(), 200)
  const stranger = { account: ME, named: async () => undefined }
  const messages = await Promise.all((await waiting).map((kept) => messageOf(kept, stranger)))
  return messages.map((message) => (message?.message as { conversation?: string })?.conversation)
}

const padded = (text: string) => encodeWAMessage(proto.Message.fromObject({ conversation: text }))
let ids = 0
function stanzaOf(from: string, enc: BinaryNode[], more: Record<string, string> = {}): BinaryNode {
  ids += 1
  return { tag: 'message', attrs: { id: `ID-${ids}`, from, t: '1900000000', ...more }, content: enc }
}
const encOf = (type: string, ciphertext: Uint8Array): BinaryNode => ({
  tag: 'enc',
  attrs: { v: '2', type },
  content: Buffer.from(ciphertext),
})

async function textFrom(contact: Contact, text: string): Promise<BinaryNode> {
  const { type, ciphertext } = await contact.repository.encryptMessage({ jid: ME.jid, data: padded(text) })
  return stanzaOf(contact.jid, [encOf(type, ciphertext)])
}

/** A contact with whom the device has begun a session. */
async function acquaintance(jid: string, { repository }: ReturnType<typeof receiver>): Promise<Contact> {
  const contact = contactParty(jid)
  await repository.injectE2ESession({ jid, session: contact.bundle })
  const hello = await repository.encryptMessage({ jid, data: padded('hello') })
  await contact.repository.decryptMessage({ jid: ME.jid, ...hello })
  return contact
}

/** The stanza as WhatsApp delivers it again: the same bytes in other buffers. */
function again(stanza: BinaryNode): BinaryNode {
  const children = Array.isArray(stanza.content) ? stanza.content : []
  return {
    ...stanza,
    content: children.map((enc) => ({ ...enc, content: Buffer.from(enc.content as Uint8Array) })),
  }
}

async function deviceWithContact(device: DeviceId = newDevice()) {
  const first = await open({ store, device, epoch: 1 })
  const socket = receiver(first)
  const contact = await acquaintance('15550100101@s.whatsapp.net', socket)
  await first.saveCreds()
  const next = (epoch: number) => open({ store, device, epoch, everPaired: true })
  return { device, first, socket, contact, next }
}

describe('a message that WhatsApp delivers again because its receipt was lost', () => {
  test('is read from the inbox by the next owner, and is kept once', async () => {
    const { first, socket, contact, next } = await deviceWithContact()
    const stanza = await textFrom(contact, 'ahoy')
    assert.equal(await socket.receives(stanza), 'ahoy')
    first.close()
    const second = await next(2)

    const text = await receiver(second).receives(again(stanza))

    assert.equal(text, 'ahoy')
    assert.deepEqual(await textsIn(second), ['ahoy'])
  })

  test('is acknowledged without its content when the application has taken it', async () => {
    const { first, socket, contact, next } = await deviceWithContact()
    const stanza = await textFrom(contact, 'ahoy')
    await socket.receives(stanza)
    await first.inbox.take((await first.inbox.waiting(AbortSignal.timeout(1000))).map(({ hash }) => hash))
    first.close()
    const second = await next(2)

    const text = await receiver(second).receives(again(stanza))

    assert.equal(text, '', 'neither a text nor a refusal')
    assert.deepEqual(await textsIn(second), [])
  })

  test('would be refused without the inbox (should this fail, Baileys no longer needs it)', async () => {
    const { socket, contact } = await deviceWithContact()
    const stanza = await textFrom(contact, 'ahoy')
    await socket.receives(stanza)
    const { fullMessage, decrypt } = decryptMessageNode(
      again(stanza),
      ME.jid,
      '',
      socket.repository,
      silentLogger,
    )

    await decrypt()

    assert.match(fullMessage.messageStubParameters?.[0] ?? '', /No matching sessions|Key used already/)
  })
})

test('a message is kept before its key is used up, and the key is not used up when it cannot be kept', async () => {
  const { device, contact } = await deviceWithContact()
  const stanza = await textFrom(contact, 'ahoy')
  const { breaker, store: failing } = breakable(store, 'put')
  const { requests, store: noted } = noting(failing)
  const { clock } = impatientClock()
  const second = await open({ store: noted, device, epoch: 2, everPaired: true, clock })
  const socket = receiver(second, { clock })
  breaker.broken = true
  requests.length = 0

  const refused = await socket.receives(again(stanza))

  const puts = requests.filter((request) => request.startsWith('put'))
  assert.match(refused, /out of reach/)
  assert.ok(puts.length > 1 && puts.every((put) => put.endsWith('/inbox')), String(puts))
  assert.equal(
    socket.cuts() > 0,
    true,
    'the socket is closed: WhatsApp hears neither a receipt nor a refusal',
  )

  breaker.broken = false
  const third = await open({ store, device, epoch: 3, everPaired: true })
  assert.equal(await receiver(third).receives(again(stanza)), 'ahoy')
})

test('a group message with its sender key is delivered whole, even if its halves met two owners', async () => {
  const { device, contact, next } = await deviceWithContact()
  const { ciphertext, senderKeyDistributionMessage } = await contact.repository.encryptGroupMessage({
    group: GROUP,
    meId: contact.jid,
    data: padded('to all'),
  })
  const key = proto.Message.fromObject({
    senderKeyDistributionMessage: {
      groupId: GROUP,
      axolotlSenderKeyDistributionMessage: senderKeyDistributionMessage,
    },
  })
  const forMe = await contact.repository.encryptMessage({ jid: ME.jid, data: encodeWAMessage(key) })
  const halves = [encOf(forMe.type, forMe.ciphertext), encOf('skmsg', ciphertext)]
  const stanza = stanzaOf(GROUP, halves, { participant: contact.jid })
  // The store fails when the second half is to be kept.
  const { breaker, store: failing } = breakable(store, 'put')
  const clock = impatientClock().clock
  const dying = await open({ store: failing, device, epoch: 2, everPaired: true, clock })
  const half = receiver(dying, { clock })
  const decryptGroup = half.repository.decryptGroupMessage
  half.repository.decryptGroupMessage = (request) => {
    breaker.broken = true
    return decryptGroup(request)
  }
  assert.match(await half.receives(again(stanza)), /out of reach/)
  const third = await next(3)
  assert.deepEqual(await textsIn(third), [], 'half a message is not delivered')

  const text = await receiver(third).receives(again(stanza))

  assert.equal(text, 'to all')
  assert.deepEqual(await textsIn(third), ['to all'])
})

test('a full inbox makes messages wait, and after a minute closes the socket', async () => {
  const { contact, next } = await deviceWithContact()
  const { waits, clock } = impatientClock()
  const second = await next(2)
  for (let at = 0; at < 200; at++) {
    await second.inbox.keep({
      hash: `h${at}`,
      keptAt: Date.now(),
      missing: 0,
      stanza: { tag: 'message', attrs: {} },
    })
  }
  const socket = receiver(second, { clock })

  const refused = await socket.receives(await textFrom(contact, 'one too many'))

  assert.match(refused, /nobody takes the messages/)
  assert.equal(socket.cuts(), 1)
  assert.ok(waits.includes(60_000))

  const waiting = receiver(second).receives(await textFrom(contact, 'one that waits'))
  await second.inbox.take(['h0'])
  assert.equal(await waiting, 'one that waits')
})

test('a received message takes two requests beside its key: one to keep it, one when it was taken', async () => {
  const { device, contact } = await deviceWithContact()
  const { requests, store: noted } = noting(store)
  const second = await open({ store: noted, device, epoch: 2, everPaired: true })
  const socket = receiver(second)
  await socket.receives(await textFrom(contact, 'one'))
  await second.inbox.take((await second.inbox.waiting(AbortSignal.timeout(1000))).map(({ hash }) => hash))
  requests.length = 0

  await socket.receives(await textFrom(contact, 'two'))
  await second.inbox.take((await second.inbox.waiting(AbortSignal.timeout(1000))).map(({ hash }) => hash))

  assert.deepEqual(
    requests.map((request) => request.replace(/session.*/, 'session').replace(/credentials-1./, '')),
    ['put inbox', 'put session', 'put inbox'],
  )
})

test('an older owner cannot keep a message once the new one has looked, and so cannot acknowledge it', async () => {
  const { socket, contact, next } = await deviceWithContact()
  const stanza = await textFrom(contact, 'ahoy')
  const second = await next(2)
  await second.inbox.find('whatever')

  const refused = await socket.receives(stanza)

  assert.match(refused, /has a socket newer than epoch 1/)
  assert.equal(socket.cuts() > 0, true)
  assert.equal(await receiver(second).receives(again(stanza)), 'ahoy')
})
