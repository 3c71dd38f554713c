import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Store } from '../../../core/store/store.ts'
import { FRIEND } from './conversation.ts'
import { DEVICE, give, PHONE, type Snapshot, until } from './linked-device.ts'
import { startHost } from './mortal-host.ts'
import { settledDevice } from './walk.ts'

let snapshot: Snapshot
before(async () => {
  snapshot = await settledDevice()
})
after(() => snapshot.remove())

/** A store that fails the next writes of sessions, before or after it has applied them. */
function failingSessions(store: Store, look: () => void) {
  const fails = { times: 0, applied: false }
  const failing: Store = {
    ...store,
    async put(table, row, conditions) {
      const isSession = table === 'AuthState' && 'key' in row && String(row.key).includes('/session/')
      if (!isSession || fails.times === 0) return store.put(table, row, conditions)
      fails.times -= 1
      look()
      if (fails.applied) await store.put(table, row, conditions)
      throw new Error('the store is out of reach')
    },
  }
  return { fails, store: failing }
}

describe('a send whose commit the store', () => {
  for (const [what, applied] of [
    ['refuses', false],
    ['applies without an answer', true],
  ] as const) {
    test(`${what} arrives once, and the session stays good`, async (t) => {
      const device = await snapshot.restore()
      const sentMeanwhile = new Set<number>()
      const { fails, store } = failingSessions(device.store, () =>
        sentMeanwhile.add(device.simulator.report().messages.sent),
      )
      await give(device.store, 'server-1')
      const host = startHost({
        name: 'server-1',
        device: DEVICE,
        store,
        url: device.simulator.url,
        consumer: { take: async () => undefined },
        failed: () => undefined,
      })
      t.after(() => {
        host.die()
        return device.close()
      })
      await until('connected', async () => host.connection.isConnected())
      const say = (text: string, messageId: string) => host.connection.send({ to: FRIEND, text, messageId })
      await say('first', 'ORDER-1')

      Object.assign(fails, { times: 3, applied })
      await say('second', 'ORDER-2')
      await say('third', 'ORDER-3')

      const arrived = () => device.simulator.received(PHONE).filter(({ id }) => id.startsWith('ORDER'))
      await until('the third', async () => arrived().length >= 3)
      assert.deepEqual(
        arrived().map(({ id, text }) => `${id} ${text}`),
        ['ORDER-1 first', 'ORDER-2 second', 'ORDER-3 third'],
      )
      assert.deepEqual([...sentMeanwhile], [1], 'nothing leaves before its session is stored')
      const { undecryptable, duplicates } = device.simulator.report().messages
      assert.deepEqual(
        { undecryptable, duplicates, left: fails.times },
        { undecryptable: 0, duplicates: 0, left: 0 },
      )
    })
  }
})
