/** Phones read the messages of devices: they decrypt a message and confirm it, or request it again. */
import { type BinaryNode, jidDecode, proto, unpadRandomMax16 } from '@whiskeysockets/baileys'
import type { Account } from './accounts.ts'
import { nameOf } from './addressing.ts'
import type { Connection } from './connection.ts'
import type { Group } from './groups.ts'
import { bundleNodes, bundleOfPhone } from './key-bundles.ts'
import { misanswer } from './misanswer.ts'
import type { Encrypted } from './phone-signal.ts'
import type { Phone } from './phones.ts'
import { node, secondsOf } from './stanzas.ts'
import type { World } from './world.ts'

/** How often a contact requests a message that it cannot decrypt. */
const ASK_AGAIN_MAX = 3
/** How many received texts are kept for each device. */
const RECEIVED_KEPT_MAX = 1000
/** How many messages have their copies counted. */
const TALLIES_MAX = 20_000

/** How often a contact got a message. */
export interface Copies {
  readonly to: string
  copies: number
  /** How many of the copies it could decrypt. */
  decrypted: number
}

/** A message that a device sent, and the connection over which it came. */
export interface Sent {
  readonly connection: Connection
  readonly account: Account
  readonly message: BinaryNode
}

export interface Reading {
  /** Reads a copy that was encrypted for this phone. */
  read(sent: Sent, phone: Phone, copy: Encrypted): Promise<void>
  /** Reads the part of a group message that is under the device's sender key. */
  readInGroup(sent: Sent, group: Group, phone: Phone, skmsg: Buffer): Promise<void>
  copies(account: Account, id: string): readonly Copies[]
}

export function makeReading(world: World): Reading {
  const asked = new Map<string, number>()
  const tallies = makeTallies()

  const open = async ({ account, message }: Sent, phone: Phone, decrypt: () => Promise<Uint8Array>) => {
    const plaintext = await decrypt().catch(() => undefined)
    if (plaintext === undefined) world.judge.count('undecryptable')
    const content = plaintext && proto.Message.decode(unpadRandomMax16(plaintext))
    // A copy with nothing but a sender key is no message yet, and the device's own phone is no contact.
    const isKeyAlone = content?.senderKeyDistributionMessage && textOf(content) === undefined
    if (!isKeyAlone && phone.number !== account.phoneNumber)
      tallies.count(account, idOf(message), phone, content !== undefined)
    return content
  }

  const confirm = ({ connection, account, message }: Sent, phone: Phone, names: Names) => {
    const receipt = () =>
      connection.send(node('receipt', { ...names, id: idOf(message), t: secondsOf(world.nowMs()) }))
    const active = world.misdeeds.use(
      'receipt',
      account,
      ({ from }) => from === undefined || from === phone.number,
    )
    if (!active) return receipt()
    misanswer(world, active, active.misdeed.answer, { right: receipt, error: () => undefined })
  }

  const askAgain = ({ connection, account, message }: Sent, phone: Phone, names: Names) => {
    const key = `${account.jid} ${phone.number} ${idOf(message)}`
    const again = (asked.get(key) ?? 0) + 1
    if (again > ASK_AGAIN_MAX) return asked.delete(key)
    asked.set(key, again)
    const ownPhone = phone.number === account.phoneNumber
    const recipient: Names =
      ownPhone && message.attrs.to && !isGroup(message) ? { recipient: message.attrs.to } : {}
    const t = secondsOf(world.nowMs())
    return connection.send(retryReceipt({ ...names, ...recipient }, idOf(message), phone, again, t))
  }

  return {
    async read(sent, phone, copy) {
      const { account, message } = sent
      const names = namesIn(message, phone)
      const content = await open(sent, phone, () => phone.signal.decrypt(account.jid, copy))
      if (!content) return void askAgain(sent, phone, names)
      const { deviceSentMessage, senderKeyDistributionMessage } = content
      if (senderKeyDistributionMessage)
        await phone.signal.learnSenderKey(account.jid, senderKeyDistributionMessage)
      // The device's own phone gets a wrapped copy of every message. Its session must advance, but it is no
      // contact.
      if (deviceSentMessage || phone.number === account.phoneNumber) return
      const text = textOf(content)
      if (senderKeyDistributionMessage && text === undefined) return
      confirm(sent, phone, names)
      record(world, sent, phone, text, world.groups.byJid(message.attrs.to ?? ''))
    },
    async readInGroup(sent, group, phone, skmsg) {
      const { account } = sent
      const names = { from: group.jid, participant: nameOf(phone, group.addressing) }
      const decrypt = () => phone.signal.decryptGroup(group.jid, account.jid, skmsg)
      const content = await open(sent, phone, decrypt)
      if (!content) return void askAgain(sent, phone, names)
      if (phone.number === account.phoneNumber) return
      confirm(sent, phone, names)
      record(world, sent, phone, textOf(content), group)
    },
    copies: tallies.of,
  }
}

/** Counts the copies of each message that each contact got. */
function makeTallies() {
  const tallies = new Map<string, Copies[]>()
  const of = (account: Account, id: string) => tallies.get(`${account.jid} ${id}`) ?? []
  return {
    of,
    count(account: Account, id: string, phone: Phone, decrypted: boolean) {
      const tally = of(account, id)
      const known = tally.find(({ to }) => to === phone.number)
      const copies = known ?? { to: phone.number, copies: 0, decrypted: 0 }
      copies.copies++
      if (decrypted) copies.decrypted++
      if (!known) tally.push(copies)
      tallies.set(`${account.jid} ${id}`, tally)
      for (const [oldest] of tallies) if (tallies.size > TALLIES_MAX) tallies.delete(oldest)
    },
  }
}

/** Keeps a text that a phone has decrypted, unless the phone has had it before. */
function record(
  world: World,
  { account, message }: Sent,
  phone: Phone,
  text: string | undefined,
  group: Group | undefined,
): void {
  if (!text) return
  const id = idOf(message)
  if (account.received.some((known) => known.id === id && known.to === phone.number)) {
    world.judge.count('duplicates')
    return
  }
  world.judge.count('decrypted')
  const at = new Date(world.nowMs()).toISOString()
  const received = { id, to: phone.number, text, ...(group && { group: group.jid }), at }
  account.received = [...account.received, received].slice(-RECEIVED_KEPT_MAX)
  world.changed()
}

export type Names = Record<string, string>

/** The phone answers under the name to which the message was written. */
function namesIn(message: BinaryNode, phone: Phone): Names {
  const { to = '', participant } = message.attrs
  const own = (jid: string) => nameOf(phone, jidDecode(jid)?.server === 'lid' ? 'lid' : 'pn')
  return isGroup(message) ? { from: to, participant: own(participant ?? '') } : { from: own(to) }
}

function isGroup({ attrs }: BinaryNode): boolean {
  return attrs.to?.endsWith('@g.us') === true
}

function textOf({ conversation, extendedTextMessage }: proto.IMessage): string | undefined {
  return conversation ?? extendedTextMessage?.text ?? undefined
}

/** Requests a message again. The receipt has the phone's keys, with which the device begins a new session. */
export function retryReceipt(names: Names, id: string, phone: Phone, count: number, t: string): BinaryNode {
  const bundle = bundleNodes(bundleOfPhone(phone))
  return node('receipt', { ...names, type: 'retry', id, t }, [
    node('retry', { count: String(count), id, t, v: '1' }),
    ...bundle.filter(({ tag }) => tag === 'registration'),
    node(
      'keys',
      {},
      bundle.filter(({ tag }) => tag !== 'registration'),
    ),
  ])
}

export function idOf({ attrs }: BinaryNode): string {
  return attrs.id ?? ''
}
