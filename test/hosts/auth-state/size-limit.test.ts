import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import type { LTHashState } from '@whiskeysockets/baileys'
import type { Store } from '../../../core/store/store.ts'
import { SEALED_BYTES_MAX } from '../../../hosts/auth-state/items.ts'
import { newDevice, open, recordingTelemetry, startStore } from './fixtures.ts'

const TOO_LARGE = { code: 'AUTH_ITEM_TOO_LARGE' }

let store: Store
let close: () => Promise<void>
before(async () => {
  ;({ store, close } = await startStore())
})
after(() => close())

/** A value as large as a list with an entry for each contact. */
function appState(entries: number): LTHashState {
  const values = Array.from({ length: entries }, () => [
    randomBytes(32).toString('base64'),
    { valueMac: randomBytes(32) },
  ])
  return { version: 1, hash: Buffer.alloc(128), indexValueMap: Object.fromEntries(values) }
}

describe('an item that is too large for the store', () => {
  test('is refused with its kind and its size, and the old value stays', async () => {
    const device = newDevice()
    const { state } = await open({ store, device, epoch: 1 })
    await state.keys.set({ 'app-state-sync-version': { regular: appState(3) } })
    const huge = appState(5000)

    const refused = await Promise.resolve(
      state.keys.set({ 'app-state-sync-version': { regular: huge } }),
    ).catch((error) => error)

    assert.equal(refused.code, 'AUTH_ITEM_TOO_LARGE')
    assert.equal(refused.facts.kind, 'app-state-sync-version')
    assert.ok(refused.facts.bytes > SEALED_BYTES_MAX)
    assert.match(refused.message, /app-state-sync-version of \d+ bytes/)
    const second = await open({ store, device, epoch: 2 })
    const { regular } = await second.state.keys.get('app-state-sync-version', ['regular'])
    assert.equal(Object.keys(regular?.indexValueMap ?? {}).length, 3)
  })

  test('is told once by an event that shows nothing of it', async () => {
    const { events, telemetry } = recordingTelemetry()
    const { state } = await open({ store, telemetry })
    const huge = appState(5000)
    events.length = 0

    for (let tries = 0; tries < 3; tries++)
      await assert.rejects(
        async () => state.keys.set({ 'app-state-sync-version': { regular: huge } }),
        TOO_LARGE,
      )

    assert.deepEqual(
      events.map(({ event }) => event),
      ['device.auth_item_too_large'],
    )
    const [anIndex = ''] = Object.keys(huge.indexValueMap)
    assert.ok(!JSON.stringify(events).includes(anIndex))
  })

  test('keeps its whole set from being written, since Baileys takes a set that threw for not stored', async () => {
    const device = newDevice()
    const { state } = await open({ store, device, epoch: 1 })
    await state.keys.set({ session: { a: Buffer.from('before'), gone: Buffer.from('before') } })

    await assert.rejects(
      async () =>
        state.keys.set({
          session: { a: Buffer.from('after'), gone: null },
          'lid-mapping': { new: '1' },
          'app-state-sync-version': { regular: appState(5000) },
        }),
      TOO_LARGE,
    )

    const second = await open({ store, device, epoch: 2 })
    assert.deepEqual(await second.state.keys.get('session', ['a', 'gone']), {
      a: Buffer.from('before'),
      gone: Buffer.from('before'),
    })
    assert.deepEqual(await second.state.keys.get('lid-mapping', ['new']), {})
  })

  test('is measured as it is stored: an item that compresses well passes', async () => {
    const device = newDevice()
    const { state } = await open({ store, device, epoch: 1 })
    const regular = 'the same again, '.repeat(50_000)

    await state.keys.set({ 'lid-mapping': { regular } })

    const second = await open({ store, device, epoch: 2 })
    assert.deepEqual(await second.state.keys.get('lid-mapping', ['regular']), { regular })
  })
})

test('credentials that are too large are refused like any other item', async () => {
  const { state, saveCreds } = await open({ store })
  state.creds.additionalData = randomBytes(SEALED_BYTES_MAX).toString('base64')

  await assert.rejects(saveCreds(), TOO_LARGE)
})
