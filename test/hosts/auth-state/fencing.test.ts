import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { isMooringError } from '../../../core/errors.ts'
import type { Store } from '../../../core/store/store.ts'
import {
  breakable,
  CREDENTIALS_ID,
  holding,
  newDevice,
  noting,
  open,
  recordingTelemetry,
  startStore,
} from './fixtures.ts'

const STALE = { code: 'STALE_EPOCH' }

let store: Store
let close: () => Promise<void>
before(async () => {
  ;({ store, close } = await startStore())
})
after(() => close())

describe('a zombie, whose device has a newer socket,', () => {
  test('cannot save credentials', async () => {
    const device = newDevice()
    const zombie = await open({ store, device, epoch: 1 })
    await zombie.saveCreds()
    const owner = await open({ store, device, epoch: 2 })

    zombie.state.creds.accountSyncCounter = 99
    await assert.rejects(zombie.saveCreds(), STALE)

    const next = await open({ store, device, epoch: 3 })
    assert.equal(next.state.creds.accountSyncCounter, owner.state.creds.accountSyncCounter)
  })

  test('cannot write a key that the owner has read, be it present, deleted or never there', async () => {
    const device = newDevice()
    const zombie = await open({ store, device, epoch: 1 })
    await zombie.state.keys.set({ session: { there: Buffer.from('1'), deleted: Buffer.from('1') } })
    await zombie.state.keys.set({ session: { deleted: null } })
    const zombies = await Promise.all(
      ['there', 'deleted', 'never'].map(() => open({ store, device, epoch: 2 })),
    )
    const owner = await open({ store, device, epoch: 3 })
    const before = await owner.state.keys.get('session', ['there', 'deleted', 'never'])

    const [onThere, onDeleted, onNever] = zombies
    await assert.rejects(async () => onThere?.state.keys.set({ session: { there: Buffer.from('2') } }), STALE)
    await assert.rejects(
      async () => onDeleted?.state.keys.set({ session: { deleted: Buffer.from('2') } }),
      STALE,
    )
    await assert.rejects(async () => onNever?.state.keys.set({ session: { never: Buffer.from('2') } }), STALE)

    const next = await open({ store, device, epoch: 4 })
    assert.deepEqual(await next.state.keys.get('session', ['there', 'deleted', 'never']), before)
  })

  test('cannot take a pre-key from a pack that the owner has read or written', async () => {
    const device = newDevice()
    const pair = { public: Buffer.alloc(32, 1), private: Buffer.alloc(32, 2) }
    const zombie = await open({ store, device, epoch: 1 })
    await zombie.state.keys.set({ 'pre-key': { '1': pair, '2': pair } })
    const owner = await open({ store, device, epoch: 2 })
    await owner.state.keys.set({ 'pre-key': { '1': null } })

    await assert.rejects(async () => zombie.state.keys.set({ 'pre-key': { '2': null } }), STALE)

    assert.deepEqual(Object.keys(await owner.state.keys.get('pre-key', ['1', '2'])), ['2'])
  })

  test('cannot undo what the owner has read by a commit that was in flight at the takeover', async () => {
    const device = newDevice()
    const held = holding(store)
    const zombie = await open({ store: held.store, device, epoch: 1 })
    await zombie.state.keys.set({ session: { a: Buffer.from('agreed') } })
    held.hold()
    const inFlight = Promise.resolve(zombie.state.keys.set({ session: { a: Buffer.from('late') } }))
    const owner = await open({ store, device, epoch: 2 })
    await owner.state.keys.get('session', ['a'])

    held.release()
    await assert.rejects(inFlight, STALE)

    const next = await open({ store, device, epoch: 3 })
    assert.deepEqual(await next.state.keys.get('session', ['a']), { a: Buffer.from('agreed') })
  })

  test('is told once, is counted once, and then refused everything without another request', async () => {
    const device = newDevice()
    const { requests, store: noted } = noting(store)
    const { events, telemetry } = recordingTelemetry()
    const refusals: string[] = []
    const zombie = await open({
      store: noted,
      device,
      epoch: 1,
      telemetry,
      onStale: ({ code }) => refusals.push(code),
    })
    await zombie.state.keys.set({ 'lid-mapping': { '15550100101': '1' } })
    events.length = 0
    const owner = await open({ store, device, epoch: 2 })
    await owner.state.keys.set({ 'lid-mapping': { '15550100101': '2' } })
    await assert.rejects(async () => zombie.state.keys.set({ 'lid-mapping': { '15550100101': '3' } }), STALE)
    requests.length = 0

    await assert.rejects(async () => zombie.state.keys.set({ 'lid-mapping': { other: '3' } }), STALE)
    await assert.rejects(async () => zombie.state.keys.get('lid-mapping', ['15550100101']), STALE)
    await assert.rejects(zombie.saveCreds(), STALE)

    assert.deepEqual(requests, [])
    assert.deepEqual(refusals, ['STALE_EPOCH'])
    assert.deepEqual(
      events.map(({ event }) => event),
      ['device.stale_write_refused'],
    )
    assert.doesNotMatch(JSON.stringify(events), /15550100101/)
  })
})

describe('the cache of an epoch', () => {
  test('answers every access after the first, even for keys that do not exist', async () => {
    const { requests, store: noted } = noting(store)
    const { state } = await open({ store: noted })
    requests.length = 0

    await state.keys.get('session', ['a', 'none'])
    await state.keys.get('session', ['none', 'a'])

    assert.deepEqual(requests, [
      `update ${CREDENTIALS_ID}/session/a`,
      `update ${CREDENTIALS_ID}/session/none`,
    ])
  })

  test('starts empty: a newer epoch sees what the older one wrote after the newer one began', async () => {
    const device = newDevice()
    const first = await open({ store, device, epoch: 1 })
    const second = await open({ store, device, epoch: 2 })
    await first.state.keys.set({ 'lid-mapping': { a: 'written late, but before the owner looked' } })

    const found = await second.state.keys.get('lid-mapping', ['a'])

    assert.deepEqual(found, { a: 'written late, but before the owner looked' })
  })

  test('does not answer after a write whose answer was lost: only the store knows what the item holds', async () => {
    const answers = { lost: false }
    const forgetful: Store = {
      ...store,
      async put(table, row, conditions) {
        const written = await store.put(table, row, conditions)
        if (answers.lost) throw new Error('no answer')
        return written
      },
    }
    const { state } = await open({ store: forgetful })
    await state.keys.set({ 'lid-mapping': { a: 'before' } })
    answers.lost = true

    await assert.rejects(async () => state.keys.set({ 'lid-mapping': { a: 'after' } }), /no answer/)

    assert.deepEqual(await state.keys.get('lid-mapping', ['a']), { a: 'after' })
  })

  test('does not hold the value of a failed write', async () => {
    const { breaker, store: failing } = breakable(store)
    const { state } = await open({ store: failing })
    await state.keys.set({ 'lid-mapping': { a: '1' } })
    breaker.broken = true
    await assert.rejects(async () => state.keys.set({ 'lid-mapping': { a: '2' } }), /out of reach/)
    breaker.broken = false

    assert.deepEqual(await state.keys.get('lid-mapping', ['a']), { a: '1' })
  })
})

describe('outside the lease', () => {
  test('no read and no write is sent to the store', async () => {
    const lease = { valid: true }
    const { requests, store: noted } = noting(store)
    const { state, saveCreds } = await open({ store: noted, mayWrite: () => lease.valid })
    await state.keys.set({ 'lid-mapping': { a: '1' } })
    requests.length = 0
    lease.valid = false

    const over = { code: 'LEASE_OVER' }
    await assert.rejects(async () => state.keys.set({ 'lid-mapping': { a: '2' } }), over)
    await assert.rejects(async () => state.keys.get('lid-mapping', ['a', 'b']), over)
    await assert.rejects(saveCreds(), over)

    assert.deepEqual(requests, [])
  })

  test('no auth state is opened', async () => {
    const { requests, store: noted } = noting(store)

    await assert.rejects(open({ store: noted, mayWrite: () => false }), { code: 'LEASE_OVER' })

    assert.deepEqual(requests, [])
  })

  test('a set that is half done stops before its next request', async () => {
    const lease = { requestsLeft: 40 }
    const { requests, store: noted } = noting(store)
    const { state } = await open({ store: noted, mayWrite: () => lease.requestsLeft-- > 0 })
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [String(at), 'value']))

    await assert.rejects(async () => state.keys.set({ 'lid-mapping': many }), { code: 'LEASE_OVER' })

    assert.ok(requests.length <= 40)
  })
})

test('a closed auth state refuses every access, and requests that waited for their turn are not sent', async () => {
  const held = holding(store)
  const { requests, store: noted } = noting(held.store)
  const { state, saveCreds, close: closeState } = await open({ store: noted })
  held.hold()
  const sent = Promise.resolve(state.keys.set({ 'lid-mapping': { a: '1' } }))
  const waiting = Promise.resolve(state.keys.set({ 'lid-mapping': { a: '2' } }))
  waiting.catch(() => undefined)
  await new Promise((resolve) => setImmediate(resolve))
  requests.length = 0

  closeState()
  held.release()

  const closed = { code: 'AUTH_STATE_CLOSED' }
  await sent
  await assert.rejects(waiting, closed)
  await assert.rejects(async () => state.keys.get('lid-mapping', ['a']), closed)
  await assert.rejects(saveCreds(), closed)
  assert.deepEqual(requests, [])
})

test('in any order of events, a newer socket finds the last value that was written before it looked', async () => {
  const step = fc.record({
    epoch: fc.integer({ min: 1, max: 3 }),
    does: fc.constantFrom<'read' | 'write' | 'delete'>('read', 'write', 'delete'),
    key: fc.constantFrom('a', 'b'),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 16 }), async (steps) => {
      const walk = await openWalk()
      for (const [at, { epoch, does, key }] of steps.entries())
        await walk.step(epoch, does, key, `value ${at}`)
      await walk.assertAgreed()
    }),
    { numRuns: 40 },
  )
})

/** Three sockets of one device, opened in the order of their epochs, and a plain model of the items'
 *  values. */
async function openWalk() {
  const device = newDevice()
  const sockets: Awaited<ReturnType<typeof open>>[] = []
  for (const epoch of [1, 2, 3]) sockets.push(await open({ store, device, epoch }))
  const newest: Record<string, number> = {}
  const values: Record<string, string | undefined> = {}
  const refused = new Set<number>()
  return {
    async step(epoch: number, does: 'read' | 'write' | 'delete', key: string, value: string) {
      const socket = sockets[epoch - 1]
      assert.ok(socket)
      const mayPass = !refused.has(epoch) && (newest[key] ?? 0) <= epoch
      try {
        if (does === 'read') {
          const found = await socket.state.keys.get('lid-mapping', [key])
          if (mayPass) assert.equal(found[key], values[key])
        } else {
          await socket.state.keys.set({ 'lid-mapping': { [key]: does === 'write' ? value : null } })
          assert.ok(mayPass, 'an older socket may at most read what it has in its cache')
          values[key] = does === 'write' ? value : undefined
        }
        if (mayPass) newest[key] = epoch
      } catch (error) {
        assert.ok(isMooringError(error, 'STALE_EPOCH'))
        assert.ok(!mayPass)
        refused.add(epoch)
      }
    },
    async assertAgreed() {
      const last = await open({ store, device, epoch: 9 })
      const found = await last.state.keys.get('lid-mapping', ['a', 'b'])
      assert.deepEqual(found.a, values.a)
      assert.deepEqual(found.b, values.b)
    },
  }
}
