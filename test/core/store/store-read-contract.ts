/** The behaviour that Mooring needs of any database when it reads many rows. */
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { deviceId, epoch, serverId } from '../../../core/ids.ts'
import type { ServerItem } from '../../../core/store/server-row.ts'
import { queryAll, type Store, scanAll, when } from '../../../core/store/store.ts'
import { aDeviceRow } from '../../builders/builders.ts'

const server = when<ServerItem>()

const ID = deviceId('device-1')
const KEY = { deviceId: ID }
const SERVER = serverId('server-1')

export function readContract(freshStore: () => Promise<Store>): void {
  describe('reading many rows', () => {
    test('gives all of 250 keys, more than one request of DynamoDB takes', async () => {
      const store = await freshStore()
      const ids = numbered(250, (n) => `device-${n}`)
      await Promise.all(ids.map((id) => store.put('Devices', aDeviceRow(id))))

      const rows = await store.getMany(
        'Devices',
        ids.map((id) => ({ deviceId: deviceId(id) })),
      )

      assert.deepEqual(rows.map((row) => row.deviceId as string).sort(), [...ids].sort())
    })

    test('leaves out rows that do not exist, and gives none for no keys', async () => {
      const store = await freshStore()
      await store.put('Devices', aDeviceRow('device-1'))

      const rows = await store.getMany('Devices', [KEY, { deviceId: deviceId('nobody') }])

      assert.deepEqual(rows, [aDeviceRow('device-1')])
      assert.deepEqual(await store.getMany('Devices', []), [])
    })
  })

  describe('a query', () => {
    let store: Store
    before(async () => {
      store = await freshStore()
      const items = numbered(5, (n) => ({ deviceId: ID, key: `c/key/${n}`, epoch: epoch(n) }))
      await Promise.all(items.map((item) => store.put('AuthState', item)))
      await store.put('AuthState', { deviceId: ID, key: 'c/other/1', epoch: epoch(9) })
      await store.put('AuthState', { deviceId: deviceId('device-2'), key: 'c/key/0', epoch: epoch(9) })
    })
    const keys = async (query: Omit<Parameters<typeof queryAll<'AuthState'>>[2], 'partition'>) =>
      (await queryAll(store, 'AuthState', { partition: ID, ...query })).map((item) => item.key)

    test('gives the rows of one partition in the order of the sort key', async () => {
      assert.deepEqual(await keys({}), ['c/key/0', 'c/key/1', 'c/key/2', 'c/key/3', 'c/key/4', 'c/other/1'])
    })

    test('descending gives the last first', async () => {
      assert.deepEqual(await keys({ descending: true, sort: { beginsWith: 'c/key/' } }), [
        'c/key/4',
        'c/key/3',
        'c/key/2',
        'c/key/1',
        'c/key/0',
      ])
    })

    test('by bounds of the sort key includes both bounds', async () => {
      assert.deepEqual(await keys({ sort: { from: 'c/key/1', to: 'c/key/3' } }), [
        'c/key/1',
        'c/key/2',
        'c/key/3',
      ])
      assert.deepEqual(await keys({ sort: { from: 'c/key/4' } }), ['c/key/4', 'c/other/1'])
      assert.deepEqual(await keys({ sort: { to: 'c/key/0' } }), ['c/key/0'])
    })

    test('in pages gives every row once, and no further page at the end', async () => {
      const first = await store.query('AuthState', { partition: ID, limit: 4 })
      const second = await store.query('AuthState', {
        partition: ID,
        limit: 4,
        ...(first.next ? { after: first.next } : {}),
      })

      assert.deepEqual(
        first.rows.map((item) => item.key),
        ['c/key/0', 'c/key/1', 'c/key/2', 'c/key/3'],
      )
      assert.deepEqual(
        second.rows.map((item) => item.key),
        ['c/key/4', 'c/other/1'],
      )
      assert.equal(second.next, undefined)
    })

    test('with a filter can give fewer rows than its limit and still have a next page', async () => {
      const page = await store.query('AuthState', {
        partition: ID,
        limit: 3,
        filter: [{ is: 'equals', attribute: 'epoch', value: 9 }],
      })

      assert.deepEqual(page.rows, [])
      assert.ok(page.next)
      assert.deepEqual(await keys({ limit: 3, filter: [{ is: 'equals', attribute: 'epoch', value: 9 }] }), [
        'c/other/1',
      ])
    })

    test('can be counted without its rows, over all pages', async () => {
      const all = await store.count('AuthState', { partition: ID })
      const some = await store.count('AuthState', {
        partition: ID,
        sort: { beginsWith: 'c/key/' },
        filter: [{ is: 'atMost', attribute: 'epoch', value: 2 }],
      })

      assert.equal(all, 6)
      assert.equal(some, 3)
    })

    test('of a partition that is empty gives nothing', async () => {
      assert.deepEqual(await store.query('AuthState', { partition: 'nobody' }), { rows: [] })
    })

    test('of more than a page of DynamoDB (1 MB) goes on until the end', async () => {
      const big = await freshStore()
      const value = 'x'.repeat(300_000)
      const items = numbered(5, (n) => ({ deviceId: ID, key: `${n}`, epoch: epoch(0), value }))
      for (const item of items) await big.put('AuthState', item)

      const page = await big.query('AuthState', { partition: ID })
      const all = await queryAll(big, 'AuthState', { partition: ID })

      assert.ok(page.rows.length < 5 && page.next)
      assert.equal(await big.count('AuthState', { partition: ID }), 5)
      assert.deepEqual(
        all.map((item) => item.key),
        ['0', '1', '2', '3', '4'],
      )
    })

    test('for more rows than the caller allows is an error, not a shorter list', async () => {
      await assert.rejects(queryAll(store, 'AuthState', { partition: ID }, 5), /more than 5 rows/)
    })
  })

  describe('an index', () => {
    test('lists only rows that have its key attribute', async () => {
      const store = await freshStore()
      await store.put('Devices', aDeviceRow('device-1', { owner: SERVER }))
      await store.put('Devices', aDeviceRow('device-2'))
      await store.put('Devices', aDeviceRow('device-3', { owner: serverId('server-2') }))

      const page = await store.query('Devices', { index: 'byOwner', partition: SERVER })

      assert.deepEqual(page, { rows: [aDeviceRow('device-1', { owner: SERVER })] })
    })

    test('no longer lists a row whose key attribute is removed, and lists it again when it is back', async () => {
      const store = await freshStore()
      await store.put('Devices', aDeviceRow('device-1', { unassignedShard: '3' }))
      const listed = () => store.query('Devices', { index: 'byUnassigned', partition: '3' })

      await store.update('Devices', KEY, { remove: ['unassignedShard'], when: [] })
      const without = await listed()
      await store.update('Devices', KEY, { set: { unassignedShard: '3' }, when: [] })

      assert.deepEqual(without.rows, [])
      assert.deepEqual((await listed()).rows, [{ deviceId: ID, unassignedShard: '3' }])
    })

    test('with a numeric sort key is bounded, paged and sorted by it, in both directions', async () => {
      const store = await freshStore()
      const rows = numbered(12, (n) => aDeviceRow(`device-${n}`, { status: 'connected', updatedAt: n }))
      await Promise.all(rows.map((row) => store.put('Devices', row)))

      const found = await queryAll(store, 'Devices', {
        index: 'byStatus',
        partition: 'connected',
        sort: { from: 8 },
        descending: true,
        limit: 1,
      })

      assert.deepEqual(
        found.map((row) => row.updatedAt),
        [11, 10, 9, 8],
      )
    })

    test('that does not exist is a mistake of the caller', async () => {
      const store = await freshStore()

      await assert.rejects(store.query('Devices', { index: 'byName', partition: 'x' }), /no index byName/)
    })
  })

  describe('a scan', () => {
    test('gives every row once over its pages', async () => {
      const store = await freshStore()
      const ids = numbered(25, (n) => `server-${n}`)
      await Promise.all(ids.map((id) => store.put('Servers', { serverId: serverId(id) })))

      const rows = await scanAll(store, 'Servers', { limit: 4 })

      assert.deepEqual(rows.map((row) => row.serverId as string).sort(), [...ids].sort())
    })

    test('in segments gives every row in exactly one segment', async () => {
      const store = await freshStore()
      const ids = numbered(60, (n) => `server-${n}`)
      await Promise.all(ids.map((id) => store.put('Servers', { serverId: serverId(id) })))

      const segments = await Promise.all(
        [0, 1, 2].map((index) => scanAll(store, 'Servers', { segment: { index, of: 3 } })),
      )

      assert.deepEqual(
        segments
          .flat()
          .map((row) => row.serverId as string)
          .sort(),
        [...ids].sort(),
      )
    })

    test('with a filter gives the rows that meet it', async () => {
      const store = await freshStore()
      await store.put('Servers', { serverId: SERVER, state: 'active' })
      await store.put('Servers', { serverId: serverId('server-2'), state: 'dead' })

      const page = await store.scan('Servers', { filter: [server.equals('state', 'dead')] })

      assert.deepEqual(page.rows, [{ serverId: 'server-2', state: 'dead' }])
    })
  })
}

function numbered<Item>(count: number, item: (n: number) => Item): Item[] {
  return Array.from({ length: count }, (_, n) => item(n))
}
