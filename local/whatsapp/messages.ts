/** Messages from devices: each copy goes to the phone or linked device for which it was encrypted. */
import {
  type BinaryNode,
  getBinaryNodeChild,
  getBinaryNodeChildren,
  jidDecode,
  jidEncode,
} from '@whiskeysockets/baileys'
import type { Account, QueuedMessage } from './accounts.ts'
import type { Connection } from './connection.ts'
import { devicesOf } from './contacts.ts'
import type { Group } from './groups.ts'
import { phoneOf } from './key-bundles.ts'
import { misanswer } from './misanswer.ts'
import type { OfflineQueue } from './offline-queue.ts'
import type { Encrypted } from './phone-signal.ts'
import { names } from './query-kinds.ts'
import { idOf, type Reading, type Sent } from './reading.ts'
import { node, secondsOf } from './stanzas.ts'
import type { World } from './world.ts'

const NO_SUCH_GROUP = 404

export interface Messages {
  fromDevice(connection: Connection, account: Account, message: BinaryNode): Promise<void>
}

export function makeMessages(world: World, queue: OfflineQueue, reading: Reading): Messages {
  const route = async (sent: Sent, copy: Copy) => {
    const phone = phoneOf(world, copy.jid)
    const device = jidDecode(copy.jid)?.device
    if (!phone) return
    if (!device) return reading.read(sent, phone, copy.encrypted)
    const target = deviceOf(world, copy)
    const byLid = jidDecode(copy.jid)?.server === 'lid'
    if (target) queue.put(target, { ...forDevice(world, sent, byLid), encryption: copy.encrypted })
  }

  const toGroup = async (sent: Sent, group: Group) => {
    const { account, message } = sent
    const copies = copiesOf(message)
    for (const copy of copies) {
      const phone = jidDecode(copy.jid)?.device ? undefined : phoneOf(world, copy.jid)
      if (phone) await reading.read(sent, phone, copy.encrypted)
    }
    const skmsg = encryptedIn(message, 'skmsg')?.ciphertext
    const members = skmsg ? [...group.members.keys()] : []
    for (const number of members) {
      const phone = world.phones.withNumber(number)
      if (skmsg) await reading.readInGroup(sent, group, phone, skmsg)
    }
    for (const target of devicesOf(world, group)) {
      if (target === account) continue
      const own = copies.find((copy) => deviceOf(world, copy) === target)?.encrypted
      if (!own && !skmsg) continue
      const common = { ...forDevice(world, sent, false), group: group.jid, addressing: group.addressing }
      if (!own && skmsg) queue.put(target, { ...common, encryption: { type: 'skmsg', ciphertext: skmsg } })
      if (own) queue.put(target, { ...common, encryption: own, ...(skmsg && { skmsg }) })
    }
  }

  const take = async (sent: Sent) => {
    const group = world.groups.byJid(sent.message.attrs.to ?? '')
    if (group) return toGroup(sent, group)
    for (const copy of copiesOf(sent.message)) await route(sent, copy)
  }

  return {
    async fromDevice(connection, account, message) {
      world.judge.count('sent')
      const sent = { connection, account, message }
      const { to = '' } = message.attrs
      const ack = (error?: number) =>
        connection.send(
          node('ack', {
            class: 'message',
            id: idOf(message),
            from: to,
            t: secondsOf(world.nowMs()),
            ...(error !== undefined && { error: String(error) }),
          }),
        )
      if (to.endsWith('@g.us') && !world.groups.byJid(to)) return ack(NO_SUCH_GROUP)
      const active = world.misdeeds.use(
        'ack',
        account,
        (misdeed) => misdeed.to === undefined || names(world, to, misdeed.to),
      )
      if (!active) {
        ack()
        return take(sent)
      }
      const { answer, taken = !(typeof answer === 'object' && 'error' in answer) } = active.misdeed
      misanswer(world, active, answer, { right: ack, error: ack })
      if (taken) await take(sent)
    },
  }
}

/** The message as another device gets it, still without its own encryption. */
function forDevice(world: World, { account, message }: Sent, byLid: boolean): QueuedMessage {
  return {
    id: idOf(message),
    from: account.jid,
    fromLid: account.lid,
    sentAtS: Math.floor(world.nowMs() / 1000),
    ...(byLid && { addressing: 'lid' }),
    encryption: { type: 'skmsg', ciphertext: Buffer.alloc(0) },
    refusalsToIgnore: 0,
  }
}

interface Copy {
  readonly jid: string
  readonly encrypted: Encrypted
}

/** A message has a copy for each participant. When it is sent again to one device alone, its copy is at the
 *  top. */
function copiesOf(message: BinaryNode): Copy[] {
  const participants = getBinaryNodeChildren(getBinaryNodeChild(message, 'participants'), 'to')
  const copies = participants.length > 0 ? participants : [message]
  return copies.flatMap((holder) => {
    const encrypted = encryptedIn(holder)
    const jid = holder.attrs.jid ?? holder.attrs.participant ?? holder.attrs.to
    return encrypted && jid && encrypted.type !== 'skmsg' ? [{ jid, encrypted }] : []
  })
}

function encryptedIn(holder: BinaryNode, type?: string): Encrypted | undefined {
  const enc = getBinaryNodeChildren(holder, 'enc').find(
    ({ attrs }) => type === undefined || attrs.type === type,
  )
  if (!(enc?.content instanceof Uint8Array)) return undefined
  return { type: enc.attrs.type ?? '', ciphertext: Buffer.from(enc.content) }
}

function deviceOf(world: World, { jid }: Copy): Account | undefined {
  const phone = phoneOf(world, jid)
  const device = jidDecode(jid)?.device
  return phone && device ? world.accounts.byJid(jidEncode(phone.number, 's.whatsapp.net', device)) : undefined
}
