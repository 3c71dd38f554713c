/** Contacts write to devices, alone and in groups. */
import { randomBytes } from 'node:crypto'
import type { Account, QueuedMessage } from './accounts.ts'
import { type Addressing, nameOf } from './addressing.ts'
import { plaintextOf } from './contact-message.ts'
import { SimulatorError } from './errors.ts'
import type { Group } from './groups.ts'
import { bundleOfDevice } from './key-bundles.ts'
import type { OfflineQueue } from './offline-queue.ts'
import { DEFAULT_CONTACT, type Phone } from './phones.ts'
import type { World } from './world.ts'

export interface TextOptions {
  /** The contact's number. */
  readonly from?: string | undefined
  /** By default `pn`. */
  readonly addressing?: Addressing | undefined
  /** Whether the stanza also has the contact's other name; by default it has. */
  readonly alternate?: boolean | undefined
  /** How often each message is sent under its id; by default once. */
  readonly copies?: number | undefined
  /** The messages are encrypted now and sent this much later. */
  readonly delayMs?: number | undefined
  /** The order in which the texts are sent, as places in `texts`; by default as written. */
  readonly order?: readonly number[] | undefined
  /** The device's own phone writes to this number, and `from` is ignored. */
  readonly to?: string | undefined
}

export interface Contacts {
  /** @returns the ids, in the order of writing
   *  @throws SimulatorError QUEUE_FULL, BAD_REQUEST */
  write(account: Account, texts: readonly string[], options: TextOptions): Promise<string[]>
  /** Writes to every device of every other member.
   *  @throws SimulatorError BAD_REQUEST when the author is no member */
  writeToGroup(
    group: Group,
    text: string,
    from: string,
    options?: Pick<TextOptions, 'alternate'>,
  ): Promise<string>
}

export function makeContacts(world: World, queue: OfflineQueue): Contacts {
  const begin = (phone: Phone) => ({
    id: `3A${randomBytes(9).toString('hex').toUpperCase()}`,
    from: phone.jid,
    fromLid: nameOf(phone, 'lid'),
    sentAtS: Math.floor(world.nowMs() / 1000),
    refusalsToIgnore: 0,
  })

  const compose = async (account: Account, text: string, options: TextOptions): Promise<QueuedMessage> => {
    const { to, from = DEFAULT_CONTACT, addressing, alternate, copies } = options
    const phone = world.phones.withNumber(to === undefined ? from : account.phoneNumber)
    const chat = to === undefined ? undefined : world.phones.withNumber(to)
    const message = {
      ...begin(phone),
      text,
      ...(addressing && { addressing }),
      ...(alternate !== undefined && { alternate }),
      ...(copies !== undefined && { copies }),
      ...(chat && { ownChat: { pn: chat.jid, lid: nameOf(chat, 'lid') } }),
    }
    world.judge.count('texted')
    const bundle = () => bundleOfDevice(world, account)
    return { ...message, encryption: await phone.signal.encrypt(account.jid, plaintextOf(message), bundle) }
  }

  return {
    async write(account, texts, options) {
      const { order = [...texts.keys()], delayMs } = options
      const isOrder = order.length === texts.length && texts.every((_, place) => order.includes(place))
      if (!isOrder) throw new SimulatorError('BAD_REQUEST', 'order must name each place of the texts once')
      queue.assertRoom(account)
      const written: QueuedMessage[] = []
      for (const text of texts) written.push(await compose(account, text, options))
      const put = () => {
        for (const place of order) queue.put(account, written[place] as QueuedMessage)
      }
      if (delayMs) world.later(delayMs, put)
      else put()
      return written.map(({ id }) => id)
    },
    async writeToGroup(group, text, from, { alternate } = {}) {
      if (!group.members.has(from))
        throw new SimulatorError('BAD_REQUEST', `${from} is no member of the group`)
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

/** The linked devices of all members. */
export function devicesOf(world: World, group: Group): Account[] {
  return [...group.members.keys()].flatMap((number) => world.accounts.ofPhone(number))
}
