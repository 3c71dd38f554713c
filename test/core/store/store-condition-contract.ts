/** The behaviour that Mooring needs of any database when a write has conditions, or many writers meet on
 *  one row. */
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { deviceId, serverId } from '../../../core/ids.ts'
import type { DeviceRow } from '../../../core/store/device-row.ts'
import type { ServerItem } from '../../../core/store/server-row.ts'
import { type Store, when } from '../../../core/store/store.ts'
import { aDeviceRow } from '../../builders/builders.ts'

const device = when<DeviceRow>()
const server = when<ServerItem>()

const ID = deviceId('device-1')
const KEY = { deviceId: ID }
const SERVER = serverId('server-1')

export function conditionContract(freshStore: () => Promise<Store>): void {
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

    test('any holds when one of its conditions holds', async () => {
      const free = server.any(server.absent('name'), server.equals('name', 'web-1'))
      const taken = server.any(server.absent('name'), server.equals('name', 'web-2'))

      assert.equal(await accepted(free), true)
      assert.equal(await accepted(taken), false)
    })

    test('beside others must hold together with them', async () => {
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

    test('on a missing row holds only as absent or differs', async () => {
      const missing = serverId('nobody')

      assert.equal(await accepted(server.present('serverId'), missing), false)
      assert.equal(await accepted(server.equals('state', 'active'), missing), false)
      assert.equal(await accepted(server.atMost('load', 99), missing), false)
      assert.equal(await accepted(server.absent('serverId'), missing), true)
      assert.equal(await accepted(server.differs('state', 'dead'), serverId('nobody-2')), true)
    })
  })
}

export function raceContract(freshStore: () => Promise<Store>): void {
  describe('many writers at once', () => {
    test('one of 100 conditional writes on a row is accepted', async () => {
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

    test('one of 100 puts of a row that must be new is accepted', async () => {
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
