/** What Mooring relies on when it writes one row, whichever database stands behind the store. */
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { deviceId, epoch, serverId } from '../../../core/ids.ts'
import type { DeviceRow } from '../../../core/store/device-row.ts'
import type { ServerItem } from '../../../core/store/server-row.ts'
import { type Store, when } from '../../../core/store/store.ts'
import { aDeviceRow } from '../../builders/builders.ts'

const device = when<DeviceRow>()
const server = when<ServerItem>()

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

      assert.deepEqual([first, second], [true, false])
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

    test('without conditions creates a row that is not there', async () => {
      const store = await freshStore()

      const row = await store.update('Devices', KEY, { set: { name: 'made' }, when: [] })

      assert.deepEqual(row, { ...KEY, name: 'made' })
    })

    test('leaves an attribute that is set to undefined as it is', async () => {
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

    test('removes attributes, those that are not there without complaint', async () => {
      const store = await freshStore()
      await store.put('Devices', aDeviceRow('device-1', { owner: SERVER }))

      const row = await store.update('Devices', KEY, { remove: ['owner', 'claimId', 'home'], when: [] })

      assert.deepEqual(row, aDeviceRow('device-1'))
    })
  })

  describe('a condition', () => {
    let store: Store
    before(async () => {
      store = await freshStore()
      await store.put('Servers', { serverId: SERVER, state: 'active', load: 5, name: 'web-1' })
    })
    const accepted = async (condition: ReturnType<typeof server.absent>, id = SERVER) => {
      const row = await store.update(
        'Servers',
        { serverId: id },
        { set: { connected: 1 }, when: [condition] },
      )
      return row !== undefined
    }

    test('absent holds for a missing attribute only', async () => {
      assert.equal(await accepted(server.absent('url')), true)
      assert.equal(await accepted(server.absent('name')), false)
    })

    test('present holds for an existing attribute only', async () => {
      assert.equal(await accepted(server.present('name')), true)
      assert.equal(await accepted(server.present('url')), false)
    })

    test('equals holds for the same value of the same type, not for a missing attribute', async () => {
      assert.equal(await accepted(server.equals('state', 'active')), true)
      assert.equal(await accepted(server.equals('state', 'dead')), false)
      assert.equal(await accepted(server.equals('load', 5)), true)
      assert.equal(await accepted(server.equals('load', '5')), false)
      assert.equal(await accepted(server.equals('url', 'x')), false)
    })

    test('differs holds for another value, and for a missing attribute', async () => {
      assert.equal(await accepted(server.differs('state', 'dead')), true)
      assert.equal(await accepted(server.differs('state', 'active')), false)
      assert.equal(await accepted(server.differs('url', 'x')), true)
    })

    test('at most and at least hold at the bound, and never for a missing attribute', async () => {
      assert.equal(await accepted(server.atMost('load', 5)), true)
      assert.equal(await accepted(server.atMost('load', 4)), false)
      assert.equal(await accepted(server.atLeast('load', 5)), true)
      assert.equal(await accepted(server.atLeast('load', 6)), false)
      assert.equal(await accepted(server.atMost('assignmentSeq', 5)), false)
      assert.equal(await accepted(server.atLeast('assignmentSeq', 0)), false)
    })

    test('numbers are compared as numbers, not as text', async () => {
      assert.equal(await accepted(server.atMost('load', 10)), true)
      assert.equal(await accepted(server.atLeast('load', -10)), true)
    })

    test('any holds when one of its conditions does', async () => {
      const free = server.any(server.absent('name'), server.equals('name', 'web-1'))
      const taken = server.any(server.absent('name'), server.equals('name', 'web-2'))

      assert.equal(await accepted(free), true)
      assert.equal(await accepted(taken), false)
    })

    test('beside others must hold together with all of them', async () => {
      const both = (load: number) =>
        store.update(
          'Servers',
          { serverId: SERVER },
          {
            set: { connected: 2 },
            when: [server.any(server.absent('url'), server.absent('name')), server.equals('load', load)],
          },
        )

      assert.equal((await both(5))?.connected, 2)
      assert.equal(await both(6), undefined)
    })

    test('on a missing row: only absent and differs hold', async () => {
      const missing = serverId('nobody')

      assert.equal(await accepted(server.present('serverId'), missing), false)
      assert.equal(await accepted(server.equals('state', 'active'), missing), false)
      assert.equal(await accepted(server.atMost('load', 99), missing), false)
      assert.equal(await accepted(server.absent('serverId'), missing), true)
      assert.equal(await accepted(server.differs('state', 'dead'), serverId('nobody-2')), true)
    })
  })

  describe('a removal', () => {
    test('takes the row away', async () => {
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

  describe('many writers at once', () => {
    test('of 100 conditional writes on one row exactly one is accepted', async () => {
      const store = await freshStore()
      await store.put('Devices', aDeviceRow('device-1'))

      const rows = await Promise.all(
        numbered(100, (n) =>
          store.update('Devices', KEY, {
            set: { owner: serverId(`server-${n}`) },
            when: [device.absent('owner')],
          }),
        ),
      )

      const accepted = rows.filter((row) => row !== undefined)
      assert.equal(accepted.length, 1)
      assert.deepEqual(await store.get('Devices', KEY), accepted[0])
    })

    test('of 100 puts of a row that must be new exactly one is accepted', async () => {
      const store = await freshStore()

      const puts = await Promise.all(
        numbered(100, (n) =>
          store.put('Devices', aDeviceRow('device-1', { name: `${n}` }), [device.absent('deviceId')]),
        ),
      )

      assert.equal(puts.filter(Boolean).length, 1)
    })

    test('none of 100 additions is lost, and each answers with a number of its own', async () => {
      const store = await freshStore()

      const rows = await Promise.all(
        numbered(100, () => store.update('Devices', KEY, { add: { epoch: 1 }, when: [] })),
      )

      const epochs = rows.map((row) => Number(row?.epoch)).sort((one, other) => one - other)
      assert.deepEqual(
        epochs,
        numbered(100, (n) => n + 1),
      )
    })

    test('100 additions under a bound stop exactly at the bound', async () => {
      const store = await freshStore()
      await store.put('Servers', { serverId: SERVER, load: 0 })

      const rows = await Promise.all(
        numbered(100, () =>
          store.update(
            'Servers',
            { serverId: SERVER },
            { add: { load: 1 }, when: [server.atMost('load', 39)] },
          ),
        ),
      )

      assert.equal(rows.filter((row) => row !== undefined).length, 40)
      assert.equal((await store.get('Servers', { serverId: SERVER }))?.load, 40)
    })
  })
}

function numbered<Item>(count: number, item: (n: number) => Item): Item[] {
  return Array.from({ length: count }, (_, n) => item(n))
}
