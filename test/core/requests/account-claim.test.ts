import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type DeviceId, deviceId } from '../../../core/ids.ts'
import { claimAccount } from '../../../core/requests/account-claim.ts'
import { erase, logout, requestDeletion } from '../../../core/requests/device-requests.ts'
import { beginImport, finishImport } from '../../../core/requests/import.ts'
import type { Store } from '../../../core/store/store.ts'
import { fresh } from '../../builders/fresh.ts'

const t = fresh()
const JID = '15550100101:3@s.whatsapp.net'

async function begin(id: string, importId = id) {
  const device = deviceId(id)
  const begun = { device, name: id, importId, credentialsId: `c-${importId}`, batch: 'night-1' }
  const row = await beginImport(t.store, t.clock, begun)
  assert.ok(row)
  return { ...begun, epoch: row.epoch, jid: JID, account: { jid: JID }, stoppedBecause: 'test' }
}

interface Begun {
  readonly jid: string
  readonly device: DeviceId
  readonly importId: string
}

function claimBy(one: Begun, store: Store = t.store) {
  return claimAccount(store, t.clock, one)
}

describe('the account of a linked device', () => {
  test('is brought in by one of two imports under different ids', async () => {
    const one = await begin('shop-1')
    const other = await begin('shop-2')

    assert.equal(await claimBy(one), 'shop-1')
    assert.equal(await claimBy(other), 'shop-1')
    await finishImport(t.store, t.clock, one)
    assert.equal(await claimBy(other), 'shop-1')
  })

  test('is claimed by exactly one of two imports at the same moment', async () => {
    const [one, other] = [await begin('shop-1'), await begin('shop-2')]

    const winners = await Promise.all([claimBy(one), claimBy(other)])

    assert.equal(new Set(winners).size, 1)
  })

  test('is brought in once, however the other import spells its jid', async () => {
    const one = await begin('shop-1')
    const other = { ...(await begin('shop-2')), jid: '15550100101:3@hosted' }

    assert.equal(await claimBy(one), 'shop-1')
    assert.equal(await claimBy(other), 'shop-1')
    await finishImport(t.store, t.clock, one)
    assert.equal(await claimBy(other), 'shop-1')
  })

  test('is claimed again by a later import of the same device', async () => {
    await claimBy(await begin('shop-1', 'i-1'))
    const again = await begin('shop-1', 'i-2')

    assert.equal(await claimBy(again), 'shop-1')
    assert.equal(await claimBy(await begin('shop-2')), 'shop-1')
  })

  test('is free again once the device that brought it in is deleted', async () => {
    const one = await begin('shop-1')
    await claimBy(one)
    await finishImport(t.store, t.clock, one)
    await requestDeletion(t.store, t.clock, one.device)
    await erase(t.store, one.device)

    assert.equal(await claimBy(await begin('shop-2')), 'shop-2')
  })

  test('is free again once the device that brought it in is logged out', async () => {
    const one = await begin('shop-1')
    await claimBy(one)
    await finishImport(t.store, t.clock, one)
    await logout(t.store, t.clock, one.device, 'fresh')

    assert.equal(await claimBy(await begin('shop-2')), 'shop-2')
  })

  test('is free again once another import, of another account, has taken the device over', async () => {
    await claimBy(await begin('shop-1', 'i-1'))
    await begin('shop-1', 'i-2')

    assert.equal(await claimBy(await begin('shop-2')), 'shop-2')
  })

  test('is claimed although the answer to the claim was lost', async () => {
    const one = await begin('shop-1')
    const losing: Store = {
      ...t.store,
      async put(table, row, conditions) {
        await t.store.put(table, row, conditions)
        return t.store.put(table, row, conditions)
      },
    }

    assert.equal(await claimBy(one, losing), 'shop-1')
  })
})
