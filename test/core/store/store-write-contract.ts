/** The behaviour that Mooring needs of any database when it writes one row. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { deviceId, epoch, serverId } from '../../../core/ids.ts'
import type { DeviceRow } from '../../../core/store/device-row.ts'
import { type Store, when } from '../../../core/store/store.ts'
import { aDeviceRow } from '../../builders/builders.ts'

const device = when<DeviceRow>()

const ID = deviceId('device-1')
const KEY = { deviceId: ID }
const SERVER = serverId('server-1')

export function writeContract(freshStore: () => Promise<Store>): void {
  describe('one row', () => {
    test('that does not exist is read as undefined', async () => {
      const store = await freshStore()

      assert.equal(await store.get('Devices', KEY), undefined)
    })

    test('comes back as it was put, with nested values, lists and flags', async () => {
      const store = await freshStore()
      const row = aDeviceRow('device-1', {
        home: { name: 'web-1', since: 1_893_456_000_123 },
        conflicts: [1, 2, 3],
        deleting: false,
        statusReason: 'größer als „nichts“ 🙂',
      })

      await store.put('Devices', row)

      assert.deepEqual(await store.get('Devices', KEY), row)
    })

    test('put again is replaced whole', async () => {
      const store = await freshStore()
      await store.put('Devices', aDeviceRow('device-1', { owner: SERVER }))

      await store.put('Devices', aDeviceRow('device-1', { name: 'second' }))

      assert.deepEqual(await store.get('Devices', KEY), aDeviceRow('device-1', { name: 'second' }))
    })

    test('may use the reserved words of DynamoDB as attribute names', async () => {
      const store = await freshStore()

      const row = await store.update('Devices', KEY, {
        set: { name: 'n', status: 'stopped', owner: SERVER },
        when: [device.absent('owner'), device.absent('name'), device.absent('status')],
      })

      assert.deepEqual(row, { ...KEY, name: 'n', status: 'stopped', owner: SERVER })
    })

    test('put only if absent: the first put is accepted, the second refused and without effect', async () => {
      const store = await freshStore()

      const first = await store.put('Devices', aDeviceRow('device-1'), [device.absent('deviceId')])
      const second = await store.put('Devices', aDeviceRow('device-1', { name: 'other' }), [
        device.absent('deviceId'),
      ])

      assert.equal(first, true)
      assert.equal(second, false)
      assert.deepEqual(await store.get('Devices', KEY), aDeviceRow('device-1'))
    })
  })

  describe('an update', () => {
    test('answers with the whole row as it is after the write', async () => {
      const store = await freshStore()
      await store.put('Devices', aDeviceRow('device-1', { moveTo: 'any' }))

      const row = await store.update('Devices', KEY, {
        set: { status: 'connecting' },
        add: { epoch: 1 },
        remove: ['moveTo'],
        when: [],
      })

      assert.deepEqual(row, aDeviceRow('device-1', { status: 'connecting', epoch: epoch(1) }))
      assert.deepEqual(await store.get('Devices', KEY), row)
    })

    test('without conditions creates a row that does not exist', async () => {
      const store = await freshStore()

      const row = await store.update('Devices', KEY, { set: { name: 'made' }, when: [] })

      assert.deepEqual(row, { ...KEY, name: 'made' })
    })

    test('does not change an attribute that is set to undefined', async () => {
      const store = await freshStore()
      await store.put('Devices', aDeviceRow('device-1', { statusReason: 'kept' }))

      const row = await store.update('Devices', KEY, {
        set: { statusReason: undefined, name: 'new' },
        when: [],
      })

      assert.deepEqual(row, aDeviceRow('device-1', { statusReason: 'kept', name: 'new' }))
    })

    test('that is refused answers undefined and leaves the row untouched', async () => {
      const store = await freshStore()
      await store.put('Devices', aDeviceRow('device-1', { owner: SERVER, moveTo: 'any' }))

      const row = await store.update('Devices', KEY, {
        set: { status: 'assigned' },
        add: { epoch: 1 },
        remove: ['moveTo'],
        when: [device.absent('owner')],
      })

      assert.equal(row, undefined)
      assert.deepEqual(
        await store.get('Devices', KEY),
        aDeviceRow('device-1', { owner: SERVER, moveTo: 'any' }),
      )
    })

    test('that is refused on a missing row creates none', async () => {
      const store = await freshStore()

      const row = await store.update('Devices', KEY, {
        set: { name: 'made' },
        when: [device.present('deviceId')],
      })

      assert.equal(row, undefined)
      assert.equal(await store.get('Devices', KEY), undefined)
    })

    test('adds to an absent attribute as if it were 0, and adds negative numbers', async () => {
      const store = await freshStore()

      await store.update('Servers', { serverId: SERVER }, { add: { load: 5 }, when: [] })
      const row = await store.update('Servers', { serverId: SERVER }, { add: { load: -2 }, when: [] })

      assert.deepEqual(row, { serverId: SERVER, load: 3 })
    })

    test('removes attributes, and accepts that some do not exist', async () => {
      const store = await freshStore()
      await store.put('Devices', aDeviceRow('device-1', { owner: SERVER }))

      const row = await store.update('Devices', KEY, { remove: ['owner', 'claimId', 'home'], when: [] })

      assert.deepEqual(row, aDeviceRow('device-1'))
    })
  })

  describe('a removal', () => {
    test('deletes the row', async () => {
      const store = await freshStore()
      await store.put('Devices', aDeviceRow('device-1'))

      assert.equal(await store.remove('Devices', KEY), true)
      assert.equal(await store.get('Devices', KEY), undefined)
    })

    test('of a missing row succeeds, unless a condition needs it', async () => {
      const store = await freshStore()

      assert.equal(await store.remove('Devices', KEY), true)
      assert.equal(await store.remove('Devices', KEY, [device.absent('owner')]), true)
      assert.equal(await store.remove('Devices', KEY, [device.equals('deleting', true)]), false)
    })

    test('that is refused leaves the row untouched', async () => {
      const store = await freshStore()
      await store.put('Devices', aDeviceRow('device-1', { owner: SERVER }))

      assert.equal(await store.remove('Devices', KEY, [device.absent('owner')]), false)
      assert.deepEqual(await store.get('Devices', KEY), aDeviceRow('device-1', { owner: SERVER }))
    })
  })
}
