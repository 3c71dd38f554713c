/** Contacts write to a device all the time while its hosts change, and the application notes the texts that
 *  it gets. */
import { systemClock } from '../../../core/clock.ts'
import { serverId } from '../../../core/ids.ts'
import { evict } from '../../../core/protocol/ownership.ts'
import type { Consumer } from '../../../hosts/messages/consumer.ts'
import type { ReceivedMessage } from '../../../hosts/whatsapp/received-message.ts'
import { DEVICE, give, type LinkedDevice, PHONE, until } from './linked-device.ts'
import { type MortalHost, startHost } from './mortal-host.ts'

/** The number of a text tells which contact has written it. */
const CONTACTS = ['15550100101', '15550100102', '15550100103', '15550100104']
/** About the time of one message, on a store that takes some ms. */
const WRITES_EVERY_MS = 10
/** WhatsApp compresses texts of this length, and leaves short texts as they are. */
const LONG = ` ${'and so on '.repeat(1000)}`

export interface Scene {
  /** Lets the contacts write in turn. Resolves when all these texts are written. */
  write(texts: number, how?: { readonly longEach?: number }): Promise<void>
  /** Writes until `meanwhile` resolves. */
  writeDuring(meanwhile: Promise<unknown>): Promise<void>
  /** Gives the device to a new host; the one before dies without a word, as in a freeze. */
  takeOver(): Promise<void>
  nobodyHasIt(): Promise<void>
  /** The device loses its session with the second contact, and must ask for the contact's next text again. */
  forgetSession(): Promise<void>
  /** WhatsApp asks the socket to log in again. */
  reconnect(): Promise<void>
  /** Resolves when the application has got this many more texts. */
  hears(texts: number): Promise<void>
  /** Resolves when every written text was handed over. */
  allArrived(): Promise<void>
  readonly written: readonly string[]
  readonly handedOver: readonly ReceivedMessage[]
  end(): void
}

export function orderScene({ simulator, store }: LinkedDevice): Scene {
  const written: string[] = []
  const handedOver: ReceivedMessage[] = []
  const consumer: Consumer = { take: async (_, messages) => void handedOver.push(...messages) }
  const hosts: MortalHost[] = []
  const present = () => hosts.at(-1)

  const isOpen = () => simulator.accounts()[0]?.connectedTo
  const writeOne = async (isLong = false) => {
    const text = `text ${written.length + 1}${isLong ? LONG : ''}`
    const from = CONTACTS[written.length % CONTACTS.length] ?? ''
    written.push(text)
    await simulator.text(PHONE, text, from)
  }
  const nobodyHasIt = async () => {
    const host = present()
    if (!host || host.isDead()) return
    host.die()
    await evict(store, systemClock, DEVICE, { serverId: serverId(host.name), name: host.name })
  }
  return {
    written,
    handedOver,
    nobodyHasIt,
    async write(texts, { longEach = 0 } = {}) {
      for (let at = 0; at < texts; at++) await writeOne(at % longEach === 0)
    },
    async writeDuring(meanwhile) {
      let isOver = false
      const over = meanwhile.finally(() => {
        isOver = true
      })
      while (!isOver) {
        await writeOne()
        await new Promise((resolve) => setTimeout(resolve, WRITES_EVERY_MS))
      }
      await over
    },
    async forgetSession() {
      const { rows } = await store.query('AuthState', { partition: DEVICE })
      const sessions = rows.filter(({ key }) => /session.*15550100102/.test(key))
      for (const { key } of sessions) await store.remove('AuthState', { deviceId: DEVICE, key }, [])
    },
    async takeOver() {
      await nobodyHasIt()
      const name = `server-${hosts.length + 1}`
      await give(store, name)
      hosts.push(
        startHost({ name, device: DEVICE, store, url: simulator.url, consumer, failed: () => undefined }),
      )
      await until('a login', async () => isOpen()?.startsWith(name))
    },
    async reconnect() {
      const before = isOpen()
      simulator.breakConnection(PHONE, '515')
      await until('another login', async () => isOpen() !== undefined && isOpen() !== before)
    },
    async hears(texts) {
      const wanted = handedOver.length + texts
      await until(`${wanted} texts at the application`, async () => handedOver.length >= wanted)
    },
    async allArrived() {
      await until(
        'all texts at the application',
        async () => new Set(handedOver.map(({ messageId }) => messageId)).size === written.length,
        () => `${handedOver.length} of ${written.length}`,
      )
    },
    end() {
      for (const host of hosts) host.die()
    },
  }
}

export function textsOf(messages: readonly ReceivedMessage[]): string[] {
  return messages.map(({ message }) => (message as { conversation?: string }).conversation ?? '')
}

/** Leaves out repeated texts: they come after a crash between the application and the store. */
export function firstTimes(messages: readonly ReceivedMessage[]): ReceivedMessage[] {
  const seen = new Set<string>()
  return messages.filter(({ messageId }) => !seen.has(messageId) && seen.add(messageId))
}

/** Messages of which two copies carry different numbers. */
export function renumbered(messages: readonly ReceivedMessage[]): string[] {
  const numbers = new Map<string, number>()
  for (const { messageId, seq } of firstTimes(messages)) numbers.set(messageId, seq)
  return messages
    .filter(({ messageId, seq }) => numbers.get(messageId) !== seq)
    .map(({ messageId }) => messageId)
}
