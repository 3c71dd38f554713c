/** Messages to devices. One stays queued until the device confirms or refuses it, over as many logins as that takes. */
import { randomBytes } from 'node:crypto'
import {
  type BinaryNode,
  encodeWAMessage,
  getBinaryNodeChild,
  getBinaryNodeChildren,
  jidDecode,
  jidEncode,
  proto,
} from '@whiskeysockets/baileys'
import type { Account, QueuedMessage } from './accounts.ts'
import type { Connection } from './connection.ts'
import { SimulatorError } from './errors.ts'
import { bundleOfDevice, readPreKey, readSignedPreKey } from './key-bundles.ts'
import type { KeyBundle } from './phone-signal.ts'
import { childBytes, childNumber, node } from './stanzas.ts'
import type { World } from './world.ts'

/** Messages that wait for one device. */
const QUEUE_MAX = 10_000
/** How often a phone encrypts a message again for a device that cannot read it. */
const RETRIES_MAX = 5

export interface OfflineQueue {
  put(account: Account, message: QueuedMessage): void
  /** @throws SimulatorError QUEUE_FULL */
  text(account: Account, text: string, from: string): Promise<string>
  /** The client is ready for what has waited; from now on it also gets what comes. */
  batchRequested(connection: Connection, account: Account): void
  receipt(account: Account, receipt: BinaryNode): Promise<void>
  /** An `ack` of class `message`; with an error it is a refusal, and the message is gone as well. */
  acknowledged(account: Account, ack: BinaryNode): void
  forget(connection: Connection): void
}

export function makeOfflineQueue(world: World): OfflineQueue {
  const ready = new Set<Connection>()

  const deliver = (account: Account, message: QueuedMessage, offline = false) => {
    const connection = world.accounts.online.get(account)
    if (!connection || !ready.has(connection)) return
    message.sentOver = connection.id
    connection.send(messageNode(message, offline))
  }
  const settle = (account: Account, id: string) => {
    account.queue = account.queue.filter((message) => message.id !== id)
    world.changed()
  }

  const retry = async (account: Account, receipt: BinaryNode) => {
    world.judge.count('retries')
    const message = account.queue.find(({ id }) => id === receipt.attrs.id)
    const count = Number(getBinaryNodeChild(receipt, 'retry')?.attrs.count ?? 1)
    if (!message || count > RETRIES_MAX) return
    message.refusalsToIgnore++
    if (message.text === undefined) return forwardRetry(world, account, message, receipt)
    const { signal } = world.phones.withNumber(jidDecode(message.from)?.user ?? '')
    await signal.forgetSession(account.jid)
    const bundle = () => bundleOfRetry(receipt) ?? bundleOfDevice(world, account)
    const encrypted = await signal.encrypt(account.jid, textMessage(message.text), bundle)
    message.encryption = { ...encrypted, retry: count }
    deliver(account, message)
  }

  const queue: OfflineQueue = {
    put(account, message) {
      if (account.queue.length >= QUEUE_MAX) return
      account.queue.push(message)
      world.changed()
      deliver(account, message)
    },
    async text(account, text, from) {
      if (account.queue.length >= QUEUE_MAX) {
        throw new SimulatorError('QUEUE_FULL', `${QUEUE_MAX} messages wait for ${account.jid}`)
      }
      const phone = world.phones.withNumber(from)
      const id = `3A${randomBytes(9).toString('hex').toUpperCase()}`
      world.judge.count('texted')
      const encryption = await phone.signal.encrypt(account.jid, textMessage(text), () =>
        bundleOfDevice(world, account),
      )
      const sentAtS = Math.floor(world.nowMs() / 1000)
      const message = {
        id,
        from: phone.jid,
        fromLid: jidEncode(phone.lidUser, 'lid'),
        sentAtS,
        encryption,
        text,
      }
      queue.put(account, { ...message, refusalsToIgnore: 0 })
      return id
    },
    batchRequested(connection, account) {
      ready.add(connection)
      const waiting = account.queue.filter(({ sentOver }) => sentOver !== connection.id)
      for (const message of waiting) deliver(account, message, true)
      connection.send(node('ib', {}, [node('offline', { count: String(waiting.length) })]))
    },
    async receipt(account, receipt) {
      if (receipt.attrs.type === 'retry') return retry(account, receipt)
      const more = getBinaryNodeChildren(getBinaryNodeChild(receipt, 'list'), 'item')
      for (const { attrs } of [receipt, ...more]) {
        if (!account.queue.some(({ id }) => id === attrs.id)) continue
        world.judge.count('received')
        settle(account, attrs.id ?? '')
      }
    },
    acknowledged(account, { attrs }) {
      const message = account.queue.find(({ id }) => id === attrs.id)
      if (attrs.error) world.judge.count('nacked')
      if (!message) return
      if (attrs.error && message.refusalsToIgnore > 0) message.refusalsToIgnore--
      else settle(account, message.id)
    },
    forget: (connection) => ready.delete(connection),
  }
  return queue
}

/** Another device wrote it: only that one can encrypt it again. */
function forwardRetry(world: World, account: Account, message: QueuedMessage, receipt: BinaryNode): void {
  const author = world.accounts.byJid(message.from)
  if (!author) return
  const { to: _, ...attrs } = receipt.attrs
  world.accounts.online.get(author)?.send({ ...receipt, attrs: { ...attrs, from: account.jid } })
}

function messageNode(message: QueuedMessage, offline: boolean): BinaryNode {
  const { type, ciphertext, retry } = message.encryption
  const attrs = {
    from: message.from,
    sender_lid: message.fromLid,
    type: 'text',
    id: message.id,
    t: String(message.sentAtS),
    notify: 'Simulated phone',
    ...(offline && { offline: '1' }),
  }
  return node('message', attrs, [
    node('enc', { v: '2', type, ...(retry && { count: String(retry) }) }, ciphertext),
  ])
}

function textMessage(text: string): Uint8Array {
  return encodeWAMessage(proto.Message.fromObject({ conversation: text }))
}

/** From its second retry on a device sends fresh keys along. */
function bundleOfRetry(receipt: BinaryNode): KeyBundle | undefined {
  const keys = getBinaryNodeChild(receipt, 'keys')
  const signedPreKey = getBinaryNodeChild(keys, 'skey')
  const preKey = getBinaryNodeChild(keys, 'key')
  if (!keys || !signedPreKey) return undefined
  return {
    registrationId: childNumber(receipt, 'registration'),
    identityKey: childBytes(keys, 'identity'),
    signedPreKey: readSignedPreKey(signedPreKey),
    ...(preKey && { preKey: readPreKey(preKey) }),
  }
}
