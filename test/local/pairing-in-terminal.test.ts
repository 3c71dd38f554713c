import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import { deviceId } from '../../core/ids.ts'
import { register } from '../../core/protocol/ownership.ts'
import type { DeviceRow } from '../../core/store/device-row.ts'
import type { Store } from '../../core/store/store.ts'
import { when } from '../../core/store/store.ts'
import { showPairings } from '../../local/pairing-in-terminal.ts'
import { embeddedTables, type Tables } from '../builders/builders.ts'

let tables: Tables
let store: Store

before(async () => {
  tables = await embeddedTables()
  store = await tables.fresh()
})

after(() => tables.close())

test('the QR of a device that waits for a phone is drawn once, and again when it is renewed', async () => {
  const id = deviceId('shop-1')
  await register(store, systemClock, { deviceId: id, name: 'The shop', credentialsId: 'first' })
  const said: string[] = []
  const pairings = showPairings(store, (text) => said.push(text))
  await offerQr('qr one')
  await until(() => said.length === 1)
  await offerQr('qr two')
  await until(() => said.length === 2)
  pairings.stop()
  assert.match(said[0] ?? '', /"The shop" \(shop-1\)[\s\S]*█/)
  assert.notEqual(said[0], said[1])

  async function offerQr(qr: string): Promise<void> {
    const pairing = { qr, since: 0, expiresAt: 0 }
    await store.update(
      'Devices',
      { deviceId: id },
      {
        set: { status: 'pairing', pairing },
        when: [when<DeviceRow>().present('deviceId')],
      },
    )
  }
})

async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000
  while (!holds() && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20))
}
