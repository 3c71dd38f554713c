/** A socket's auth options when the store fails: they try again, then cut, and never answer in between. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { MooringError } from '../../../../core/errors.ts'
import type { Store } from '../../../../core/store/store.ts'
import type { OpenAuthState } from '../../../../hosts/auth-state/auth-state.ts'
import { UNWATCHED, type WorkKind } from '../../../../hosts/stalls/device-watch.ts'
import { authOptions, PATIENCE } from '../../../../hosts/whatsapp/signal/safe-repository.ts'
import { impatientClock, open, startStore } from '../../auth-state/fixtures.ts'

let store: Store
let close: () => Promise<void>
before(async () => {
  ;({ store, close } = await startStore())
})
after(() => close())

/** A socket's auth state whose reads fail with this error, as often as told.
 *  @param begun notes each work that is watched */
async function anAuthState(error: Error, times = Number.POSITIVE_INFINITY, begun: string[] = []) {
  const auth = await open({ store })
  const { clock, waits } = impatientClock()
  let reads = 0
  let cuts = 0
  const state: OpenAuthState['state'] = {
    ...auth.state,
    keys: {
      ...auth.state.keys,
      async get() {
        reads += 1
        if (reads <= times) throw error
        return {}
      },
    },
  }
  const watch = {
    ...UNWATCHED,
    begin(kind: WorkKind) {
      begun.push(kind)
      const work = UNWATCHED.begin(kind, '')
      return { ...work, again: () => void begun.push('again'), end: () => void begun.push('end') }
    },
  }
  const cut = () => {
    cuts += 1
  }
  const { config } = authOptions({ ...auth, state }, clock, cut, { watch, decrypted: () => undefined })
  const read = async () => config.auth.keys.get('session', ['15550100101.0'])
  return { config, read, waits, reads: () => reads, cuts: () => cuts }
}

describe('a request of the auth state that fails', () => {
  test('is tried again, and its socket stays', async () => {
    const { read, reads, cuts } = await anAuthState(new Error('the store is out of reach'), 2)

    await read()

    assert.equal(reads(), 3)
    assert.equal(cuts(), 0)
  })

  test('is given up after eight tries, and its socket is cut', async () => {
    const { read, reads, cuts, waits } = await anAuthState(new Error('the store is out of reach'))

    await assert.rejects(read(), /out of reach/)

    assert.equal(reads(), 8)
    assert.equal(cuts(), 1)
    assert.deepEqual(waits, Array(7).fill(500))
  })

  for (const code of ['STALE_EPOCH', 'LEASE_OVER', 'AUTH_STATE_CLOSED'] as const) {
    test(`with ${code} is not tried again, and its socket is cut`, async () => {
      const { read, reads, cuts } = await anAuthState(new MooringError(code, 'refused'))

      await assert.rejects(read(), { code })

      assert.equal(reads(), 1)
      assert.equal(cuts(), 1)
    })
  }

  for (const code of ['AUTH_ITEM_UNREADABLE', 'AUTH_ITEM_TOO_LARGE'] as const) {
    test(`with ${code} is not tried again, and its socket stays`, async () => {
      const { read, reads, cuts } = await anAuthState(new MooringError(code, 'refused'))

      await assert.rejects(read(), { code })

      assert.equal(reads(), 1)
      assert.equal(cuts(), 0)
    })
  }
})

test('a request is watched as one work of the store, however often it is tried', async () => {
  const begun: string[] = []
  const { read } = await anAuthState(new Error('the store is out of reach'), 1, begun)

  await read()

  assert.deepEqual(begun, ['store', 'again', 'again', 'end'])
})

test('a socket tries a commit again for less than a lease lasts', async () => {
  const { config } = await anAuthState(new Error('unused'))

  assert.equal(config.transactionOpts.maxCommitRetries, 1, 'Baileys tries nothing again by itself')
  assert.ok(PATIENCE.triesMax * PATIENCE.againAfterMs < 8_000)
})
