/** Each repair by itself: its scene loses nothing with all seven, and loses something without that one. A
 *  scene that loses nothing without its repair says that Baileys, or libsignal, no longer needs it. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Store } from '../../../../core/store/store.ts'
import { silenceConsole } from '../../../../hosts/whatsapp/silence-console.ts'
import { breakable, newDevice, open, startStore, watched } from '../../auth-state/fixtures.ts'
import {
  type Contact,
  contactParty,
  introduce,
  REPAIRS,
  type RepairName,
  repairedParty,
} from './conversation.ts'

const BURST = 20
const ME = '15550100100:1@s.whatsapp.net'
const CONTACT = '15550100101@s.whatsapp.net'

let store: Store
let close: () => Promise<void>
before(async () => {
  // libsignal prints sessions, private keys included
  silenceConsole()
  const started = await startStore()
  close = started.close
  // as slow as DynamoDB: work that begins together must overlap
  store = watched(started.store, () => sleep(5))
})
after(() => close())

/** @returns whether this text did not come out */
async function isLost(decrypted: Promise<string>, text: string): Promise<boolean> {
  return (await decrypted.catch(() => undefined)) !== text
}

type Device = ReturnType<typeof repairedParty>
type Encrypted = Awaited<ReturnType<Contact['encrypt']>>

/** Receives a message as Baileys does: its ciphertext comes in a stanza, in a buffer of its own. */
function receive(device: Device, message: Encrypted): Promise<string> {
  const ciphertext = Buffer.from(message.ciphertext)
  const enc = { tag: 'enc', attrs: { v: '2', type: message.type }, content: ciphertext }
  device.stanzas.met({
    tag: 'message',
    attrs: { id: 'ID-1', from: CONTACT, t: '1900000000' },
    content: [enc],
  })
  return device.decrypt(CONTACT, { ...message, ciphertext })
}

/** A message of the older session comes after the device has begun a newer one. */
async function olderMessageAfterNewerSession(without?: RepairName): Promise<string[]> {
  const device = repairedParty(ME, await open({ store }), without)
  const contact = contactParty(CONTACT)
  await introduce(device, contact)
  const older = await contact.encrypt(device.jid, 'of the older session')
  await device.repository.injectE2ESession({ jid: CONTACT, session: contact.otherBundle })

  const lost: string[] = []
  if (await isLost(device.decrypt(CONTACT, older), 'of the older session')) lost.push('inbound')
  const newer = await device.encrypt(CONTACT, 'of the newer session')
  if (await isLost(contact.decrypt(device.jid, newer), 'of the newer session')) lost.push('outbound')
  return lost
}

/** The store cannot read the session while the device would begin one. */
async function unreadSession(without?: RepairName): Promise<string[]> {
  const deviceId = newDevice()
  const { breaker, store: failing } = breakable(store, 'update')
  const contact = contactParty(CONTACT)
  const first = await open({ store, device: deviceId, epoch: 1 })
  await introduce(repairedParty(ME, first), contact)
  await first.saveCreds()
  const second = await open({ store: failing, device: deviceId, epoch: 2, everPaired: true })
  const device = repairedParty(ME, second, without)
  await device.repository.lidMapping.getLIDForPN(CONTACT)

  breaker.broken = true
  await device.repository
    .injectE2ESession({ jid: CONTACT, session: contact.otherBundle })
    .catch(() => undefined)
  breaker.broken = false

  const message = await contact.encrypt(device.jid, 'on the session of before')
  return (await isLost(device.decrypt(CONTACT, message), 'on the session of before')) ? ['inbound'] : []
}

/** Four devices write to one contact's jid at once. Then the contact's queue is empty, and each writes once
 *  more. */
async function devicesAtOneContact(without?: RepairName): Promise<string[]> {
  const pairs = await Promise.all(
    [1, 2, 3, 4].map(async (at) => {
      const device = repairedParty(`1555010011${at}:1@s.whatsapp.net`, await open({ store }), without)
      return { device, contact: contactParty(CONTACT) }
    }),
  )
  for (const { device, contact } of pairs) await introduce(device, contact)
  await Promise.all(
    pairs.map(async ({ device, contact }) => {
      for (let count = 0; count < BURST; count++) {
        await contact.decrypt(device.jid, await device.encrypt(CONTACT, 'burst')).catch(() => undefined)
      }
    }),
  )
  const lost: string[] = []
  for (const { device, contact } of pairs) {
    const last = await device.encrypt(CONTACT, 'once more')
    if (await isLost(contact.decrypt(device.jid, last), 'once more')) lost.push(device.jid)
  }
  return lost
}

/** The process dies when the frame is written and the transaction is not yet committed. */
async function deathBeforeTheCommit(without?: RepairName): Promise<string[]> {
  const deviceId = newDevice()
  const contact = contactParty(CONTACT)
  const first = await open({ store, device: deviceId, epoch: 1 })
  const dying = repairedParty(ME, first, without)
  await introduce(dying, contact)
  await first.saveCreds()
  let sent: Encrypted | undefined
  const dead = dying.keys.transaction(async () => {
    sent = await dying.repository.encryptMessage({ jid: CONTACT, data: Buffer.from('before') })
    throw new Error('the process died')
  }, ME)
  await assert.rejects(dead, /the process died/)
  if (sent) await contact.decrypt(ME, sent)

  const second = await open({ store, device: deviceId, epoch: 2, everPaired: true })
  const next = await repairedParty(ME, second, without).encrypt(CONTACT, 'after')
  return (await isLost(contact.decrypt(ME, next), 'after')) ? ['outbound'] : []
}

/** WhatsApp delivers a message again to the next owner, because its receipt was lost. */
async function secondDelivery(without?: RepairName): Promise<string[]> {
  const deviceId = newDevice()
  const contact = contactParty(CONTACT)
  const first = await open({ store, device: deviceId, epoch: 1 })
  const device = repairedParty(ME, first, without)
  await introduce(device, contact)
  await first.saveCreds()
  const message = await contact.encrypt(ME, 'ahoy')

  const lost: string[] = []
  if (await isLost(receive(device, message), 'ahoy')) lost.push('the first time')
  const second = await open({ store, device: deviceId, epoch: 2, everPaired: true })
  const next = repairedParty(ME, second, without)
  if (await isLost(receive(next, message), 'ahoy')) lost.push('the second time')
  return lost
}

/** The process dies while the plaintext is being kept, and WhatsApp delivers the message again. */
async function deathWhileKeeping(without?: RepairName): Promise<string[]> {
  const deviceId = newDevice()
  const contact = contactParty(CONTACT)
  const first = await open({ store, device: deviceId, epoch: 1 })
  const keep = async () => {
    throw new Error('the process died')
  }
  const dying = repairedParty(ME, { ...first, inbox: { ...first.inbox, keep } }, without)
  await introduce(dying, contact)
  await first.saveCreds()
  const message = await contact.encrypt(ME, 'ahoy')
  await assert.rejects(receive(dying, message), /the process died/)

  const second = await open({ store, device: deviceId, epoch: 2, everPaired: true })
  return (await isLost(receive(repairedParty(ME, second, without), message), 'ahoy')) ? ['inbound'] : []
}

const SCENES: Record<RepairName, (without?: RepairName) => Promise<string[]>> = {
  keepUnusedSessions: olderMessageAfterNewerSession,
  failOnUnread: unreadSession,
  oneDevicePerContact: devicesAtOneContact,
  storeBeforeSend: deathBeforeTheCommit,
  keepPlaintexts: secondDelivery,
  oneAtATime: deathWhileKeeping,
  giveBackPlaintexts: secondDelivery,
}

for (const repair of REPAIRS) {
  describe(`the repair ${repair}`, () => {
    test('loses nothing', async () => {
      assert.deepEqual(await SCENES[repair](), [])
    })

    test('is needed: without it a message is lost', async () => {
      assert.notDeepEqual(await SCENES[repair](repair), [])
    })
  })
}

test('there are no other repairs', async () => {
  assert.equal(repairedParty(ME, await open({ store })).repairs, REPAIRS.length)
})
