/** Messages from devices: each copy goes to the phone or the linked device that it was encrypted for. */
import {
  type BinaryNode,
  getBinaryNodeChild,
  getBinaryNodeChildren,
  jidDecode,
  jidEncode,
  proto,
  unpadRandomMax16,
} from '@whiskeysockets/baileys'
import type { Account } from './accounts.ts'
import type { Connection } from './connection.ts'
import { bundleNodes, bundleOfPhone, phoneOf } from './key-bundles.ts'
import type { OfflineQueue } from './offline-queue.ts'
import type { Encrypted } from './phone-signal.ts'
import type { Phone } from './phones.ts'
import { node } from './stanzas.ts'
import type { World } from './world.ts'

/** How often a contact asks for a message that it cannot decrypt. */
const ASK_AGAIN_MAX = 3
/** Texts kept for a reader, per device. */
const RECEIVED_KEPT_MAX = 1000

export interface Messages {
  fromDevice(connection: Connection, account: Account, message: BinaryNode): Promise<void>
}

export function makeMessages(world: World, queue: OfflineQueue): Messages {
  const asked = new Map<string, number>()

  const route = async (connection: Connection, account: Account, message: BinaryNode, copy: Copy) => {
    const phone = phoneOf(world, copy.jid)
    const device = jidDecode(copy.jid)?.device
    if (!phone) return
    if (!device) return read(connection, account, message, phone, copy.encrypted)
    const target = world.accounts.byJid(jidEncode(phone.number, 's.whatsapp.net', device))
    if (!target) return
    queue.put(target, {
      id: idOf(message),
      from: account.jid,
      fromLid: account.lid,
      sentAtS: Math.floor(world.nowMs() / 1000),
      encryption: copy.encrypted,
      refusalsToIgnore: 0,
    })
  }

  const read = async (
    connection: Connection,
    account: Account,
    message: BinaryNode,
    phone: Phone,
    encrypted: Encrypted,
  ) => {
    const plaintext = await phone.signal.decrypt(account.jid, encrypted).catch(() => undefined)
    if (!plaintext) {
      world.judge.count('undecryptable')
      askAgain(connection, account, message, phone)
      return
    }
    const { deviceSentMessage, conversation, extendedTextMessage } = proto.Message.decode(
      unpadRandomMax16(plaintext),
    )
    // the own phone gets a copy of everything, wrapped; its session must move on, but it is no contact
    if (deviceSentMessage || phone.number === account.phoneNumber) return
    connection.send(node('receipt', { from: phone.jid, id: idOf(message), t: seconds(world) }))
    record(account, idOf(message), phone, conversation ?? extendedTextMessage?.text)
  }

  const record = (account: Account, id: string, phone: Phone, text: string | null | undefined) => {
    if (!text) return
    if (account.received.some((known) => known.id === id && known.to === phone.number)) {
      return world.judge.count('duplicates')
    }
    world.judge.count('decrypted')
    const at = new Date(world.nowMs()).toISOString()
    account.received = [...account.received, { id, to: phone.number, text, at }].slice(-RECEIVED_KEPT_MAX)
    world.changed()
  }

  const askAgain = (connection: Connection, account: Account, message: BinaryNode, phone: Phone) => {
    const key = `${account.jid} ${phone.number} ${idOf(message)}`
    const count = (asked.get(key) ?? 0) + 1
    if (count > ASK_AGAIN_MAX) return asked.delete(key)
    asked.set(key, count)
    return connection.send(retryReceipt(world, account, message, phone, count))
  }

  return {
    async fromDevice(connection, account, message) {
      world.judge.count('sent')
      const error = world.refusals.message?.(message)
      connection.send(
        node('ack', {
          class: 'message',
          id: idOf(message),
          from: message.attrs.to ?? '',
          t: seconds(world),
          ...(error === undefined ? {} : { error }),
        }),
      )
      if (error !== undefined) return
      for (const copy of copiesOf(message)) await route(connection, account, message, copy)
    },
  }
}

interface Copy {
  readonly jid: string
  readonly encrypted: Encrypted
}

/** One per participant; a message sent again to one device alone has its copy at the top. */
function copiesOf(message: BinaryNode): Copy[] {
  const participants = getBinaryNodeChildren(getBinaryNodeChild(message, 'participants'), 'to')
  const copies = participants.length > 0 ? participants : [message]
  return copies.flatMap((holder) => {
    const enc = getBinaryNodeChild(holder, 'enc')
    const jid = holder.attrs.jid ?? holder.attrs.to
    if (!enc || !jid || !(enc.content instanceof Uint8Array)) return []
    return [{ jid, encrypted: { type: enc.attrs.type ?? '', ciphertext: Buffer.from(enc.content) } }]
  })
}

function retryReceipt(
  world: World,
  account: Account,
  message: BinaryNode,
  phone: Phone,
  count: number,
): BinaryNode {
  const id = idOf(message)
  const t = seconds(world)
  const ownPhone = phone.number === account.phoneNumber
  const attrs = {
    from: phone.jid,
    type: 'retry',
    id,
    t,
    ...(ownPhone && message.attrs.to && { recipient: message.attrs.to }),
  }
  const bundle = bundleNodes(bundleOfPhone(phone))
  return node('receipt', attrs, [
    node('retry', { count: String(count), id, t, v: '1' }),
    ...bundle.filter(({ tag }) => tag === 'registration'),
    node(
      'keys',
      {},
      bundle.filter(({ tag }) => tag !== 'registration'),
    ),
  ])
}

function idOf({ attrs }: BinaryNode): string {
  return attrs.id ?? ''
}

function seconds(world: World): string {
  return String(Math.floor(world.nowMs() / 1000))
}
