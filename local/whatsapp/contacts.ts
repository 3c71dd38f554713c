/** What contacts write to devices. */
import { randomBytes } from 'node:crypto'
import { jidEncode } from '@whiskeysockets/baileys'
import type { Account, QueuedMessage } from './accounts.ts'
import type { Addressing } from './addressing.ts'
import { plaintextOf } from './contact-message.ts'
import { SimulatorError } from './errors.ts'
import type { Group } from './groups.ts'
import { bundleOfDevice } from './key-bundles.ts'
import type { OfflineQueue } from './offline-queue.ts'
import { DEFAULT_CONTACT, type Phone } from './phones.ts'
import type { World } from './world.ts'

export interface TextWish {
  /** The contact's number. */
  readonly from?: string | undefined
  /** `pn` when left out. */
  readonly addressing?: Addressing | undefined
  /** Whether the contact's other name is told along; yes when left out. */
  readonly alternate?: boolean | undefined
  /** How often each comes on the wire, under one id; once when left out. */
  readonly copies?: number | undefined
  /** It is encrypted now and comes so much later. */
  readonly delayMs?: number | undefined
  /** In which order they come: places in what was written. As written when left out. */
  readonly order?: readonly number[] | undefined
  /** The device's own phone writes, to this number; `from` is left out then. */
  readonly to?: string | undefined
}

export interface Contacts {
  /** @returns the ids, in the order of writing. @throws SimulatorError QUEUE_FULL, BAD_REQUEST */
  write(account: Account, texts: readonly string[], wish: TextWish): Promise<string[]>
  /** To every device of every other member. @throws SimulatorError BAD_REQUEST when the author is no member */
  writeToGroup(group: Group, text: string, from: string, wish?: Pick<TextWish, 'alternate'>): Promise<string>
}

export function makeContacts(world: World, queue: OfflineQueue): Contacts {
  const begin = (phone: Phone) => ({
    id: `3A${randomBytes(9).toString('hex').toUpperCase()}`,
    from: phone.jid,
    fromLid: jidEncode(phone.lidUser, 'lid'),
    sentAtS: Math.floor(world.nowMs() / 1000),
    refusalsToIgnore: 0,
  })

  const compose = async (account: Account, text: string, wish: TextWish): Promise<QueuedMessage> => {
    const { to, from = DEFAULT_CONTACT, addressing, alternate, copies } = wish
    const phone = world.phones.withNumber(to === undefined ? from : account.phoneNumber)
    const chat = to === undefined ? undefined : world.phones.withNumber(to)
    const message = {
      ...begin(phone),
      text,
      ...(addressing && { addressing }),
      ...(alternate !== undefined && { alternate }),
      ...(copies !== undefined && { copies }),
      ...(chat && { ownChat: { pn: chat.jid, lid: jidEncode(chat.lidUser, 'lid') } }),
    }
    world.judge.count('texted')
    const bundle = () => bundleOfDevice(world, account)
    return { ...message, encryption: await phone.signal.encrypt(account.jid, plaintextOf(message), bundle) }
  }

  return {
    async write(account, texts, wish) {
      const { order = [...texts.keys()], delayMs } = wish
      const isOrder = order.length === texts.length && texts.every((_, place) => order.includes(place))
      if (!isOrder) throw new SimulatorError('BAD_REQUEST', 'order names each place of the texts once')
      queue.assertRoom(account)
      const written: QueuedMessage[] = []
      for (const text of texts) written.push(await compose(account, text, wish))
      const put = () => {
        for (const place of order) queue.put(account, written[place] as QueuedMessage)
      }
      if (delayMs) world.later(delayMs, put)
      else put()
      return written.map(({ id }) => id)
    },
    async writeToGroup(group, text, from, { alternate } = {}) {
      if (!group.members.has(from)) throw new SimulatorError('BAD_REQUEST', `${from} is no member`)
      const phone = world.phones.withNumber(from)
      const message = begin(phone)
      const { ciphertext, senderKey } = await phone.signal.encryptGroup(group.jid, plaintextOf({ text }))
      for (const account of devicesOf(world, group)) {
        if (account.phoneNumber === from) continue
        const knows = group.knowsKeyOf(phone, account)
        const encryption = knows
          ? { type: 'skmsg', ciphertext }
          : await phone.signal.encrypt(account.jid, plaintextOf({}, senderKey), () =>
              bundleOfDevice(world, account),
            )
        world.judge.count('texted')
        queue.put(account, {
          ...message,
          text,
          group: group.jid,
          addressing: group.addressing,
          encryption,
          ...(!knows && { skmsg: ciphertext }),
          ...(alternate !== undefined && { alternate }),
        })
      }
      return message.id
    },
  }
}

/** Linked devices of its members. */
export function devicesOf(world: World, group: Group): Account[] {
  return [...group.members.keys()].flatMap((number) => world.accounts.ofPhone(number))
}
