import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { deviceId } from '../../../core/ids.ts'
import type { Inbox, KeptStanza } from '../../../hosts/auth-state/inbox.ts'
import { deliver } from '../../../hosts/messages/deliver.ts'
import type { ReceivedMessage } from '../../../hosts/whatsapp/received-message.ts'
import { scriptedRandom } from '../../builders/chance.ts'
import { impatientClock } from '../auth-state/fixtures.ts'

const DEVICE = deviceId('device-1')

/** "ahoy" as WhatsApp's protocol buffers and one byte of padding write it. */
const AHOY = Buffer.from('\n\x04ahoy\x01')

function kept(hash: string, content = AHOY): KeptStanza {
  const attrs = { id: hash, from: '15550100101@s.whatsapp.net', t: '1900000000' }
  const enc = { tag: 'enc', attrs: { type: 'msg' }, content }
  return { hash, keptAt: 0, missing: 0, stanza: { tag: 'message', attrs, content: [enc] } }
}

/** A device whose inbox holds these stanzas. Delivery stops when all are taken from it.
 *  @param take of the application, by the number of the call */
async function delivered(
  stanzas: readonly KeptStanza[],
  take: (call: number, messages: readonly ReceivedMessage[]) => Promise<void> = async () => undefined,
) {
  const log: string[] = []
  const stop = new AbortController()
  const left = [...stanzas]
  const inbox: Pick<Inbox, 'waiting' | 'take'> = {
    waiting: async () => [...left],
    async take(hashes) {
      log.push(`forgot ${hashes.join(' ')}`)
      left.splice(0, hashes.length)
      if (left.length === 0) stop.abort()
    },
  }
  let calls = 0
  const consumer = {
    async take(_: unknown, messages: readonly ReceivedMessage[]) {
      calls += 1
      log.push(`offered ${messages.map(({ messageId }) => messageId).join(' ')}`)
      await take(calls, messages)
    },
  }
  const { clock, waits } = impatientClock()
  await deliver(
    {
      clock,
      random: scriptedRandom(0.5),
      consumer,
      inbox: inbox as Inbox,
      device: DEVICE,
      whoIsWho: { account: { jid: '15550100100:1@s.whatsapp.net' }, named: async () => undefined },
      failed: () => log.push('failed'),
    },
    stop.signal,
  )
  return { log, waits }
}

const failing = (times: number) => async (call: number) => {
  if (call <= times) throw new Error('not now')
}

describe('delivery', () => {
  test('offers a message again to an application that fails, and forgets it only when it was taken', async () => {
    const { log } = await delivered([kept('a')], failing(2))

    assert.deepEqual(log, ['offered a', 'failed', 'offered a', 'failed', 'offered a', 'forgot a'])
  })

  test('hands the application what the sender wrote', async () => {
    let messages: readonly ReceivedMessage[] = []

    await delivered([kept('a')], async (_, offered) => {
      messages = offered
    })

    assert.equal(JSON.stringify(messages[0]?.message), '{"conversation":"ahoy"}')
  })

  test('waits longer after each failure, and from the start again after a success', async () => {
    const stanzas = Array.from({ length: 9 }, (_, at) => kept(`${at}`))
    const { waits } = await delivered(stanzas, async (call) => {
      if (call !== 4 && call < 6) throw new Error('not now')
    })

    // three failures, the first batch of eight, one failure, the ninth message
    assert.deepEqual(waits, [250, 500, 1000, 250])
  })

  test('offers at most eight messages at once, in their order', async () => {
    const { log } = await delivered(Array.from({ length: 9 }, (_, at) => kept(`${at}`)))

    assert.deepEqual(log, ['offered 0 1 2 3 4 5 6 7', 'forgot 0 1 2 3 4 5 6 7', 'offered 8', 'forgot 8'])
  })

  test('forgets without a word what is for no application', async () => {
    const { log } = await delivered([kept('empty', Buffer.from([1]))])

    assert.deepEqual(log, ['forgot empty'])
  })

  test('ends without a word when the socket closes while the application fails', async () => {
    const stop = new AbortController()
    const failures: unknown[] = []

    await deliver(
      {
        clock: impatientClock().clock,
        random: scriptedRandom(0.5),
        consumer: {
          async take() {
            stop.abort()
            throw new Error('not now')
          },
        },
        inbox: { waiting: async () => [kept('a')], take: async () => undefined } as unknown as Inbox,
        device: DEVICE,
        whoIsWho: { account: { jid: '15550100100:1@s.whatsapp.net' }, named: async () => undefined },
        failed: (error) => failures.push(error),
      },
      stop.signal,
    )

    assert.deepEqual(failures, [])
  })
})
