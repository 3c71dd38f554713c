import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import type { DeviceId } from '../../../core/ids.ts'
import { offerSurplus } from '../../../core/requests/server-requests.ts'
import type { DeviceRow } from '../../../core/store/device-row.ts'
import type { Store } from '../../../core/store/store.ts'
import type { SocketEvents } from '../../../hosts/whatsapp/socket.ts'
import { embeddedTables, serverRow, type Tables } from '../../builders/builders.ts'
import { interrupted } from '../../builders/faulty-stores.ts'
import { aConnection, eventually } from './connection-scene.ts'

const ACCOUNT = { jid: '15550100:1@s.whatsapp.net' }
const DAY = 86_400_000

let tables: Tables
before(async () => {
  tables = await embeddedTables()
})
after(() => tables.close())

interface Options {
  /** The surplus in the server's row; `told` is the surplus in the last beat's answer, if it differs. */
  readonly surplus: number
  readonly told?: number
  readonly device?: Partial<DeviceRow>
  /** Runs right before the surplus is taken. */
  readonly beforeTaking?: () => Promise<void>
  /** Runs right before the move is written. */
  readonly beforeRequest?: (device: DeviceId, store: Store) => Promise<void>
}

/** A linked device whose socket is open, on a server with a surplus. */
async function onSurplus(context: TestContext, options: Options) {
  let told = options.told ?? options.surplus
  const scene = await aConnection(context, tables, {
    device: { pairedAt: Date.UTC(2030, 0, 1) - DAY, account: ACCOUNT, ...options.device },
    freshCredentials: true,
    takeSurplus: () => told-- > 0,
    prepare: (store, server) => offerSurplus(store, server, options.surplus),
    between(base, device) {
      const taking = interrupted(base, 'Servers', async ({ add }) => {
        if (add?.surplus) await options.beforeTaking?.()
      })
      return interrupted(taking, 'Devices', async ({ set }) => {
        if (set?.moveTo) await options.beforeRequest?.(device, base)
      })
    },
  })
  const { world, server, sockets, rowWhen } = scene
  await eventually(async () => sockets[0])
  sockets[0]?.open(ACCOUNT)
  await rowWhen(({ status }) => status === 'connected')
  return { ...scene, surplusNow: async () => (await serverRow(world.store, server.serverId)).surplus }
}

test('a device that loses its socket on a server with a surplus is released and to be placed', async (context) => {
  const { world, connection, deviceId, sockets, placed, rowWhen, surplusNow } = await onSurplus(context, {
    surplus: 2,
  })

  sockets[0]?.closed(428, 'lost')

  assert.deepEqual(await connection.ended, { released: true })
  const row = await rowWhen(({ owner }) => owner === undefined)
  assert.equal(row.status, 'unassigned')
  assert.equal(row.moveTo, 'any')
  assert.equal(row.movedFrom, 'web-1')
  assert.equal(await surplusNow(), 1)
  assert.deepEqual(placed, [deviceId])
  assert.equal(sockets.length, 1)
  assert.deepEqual(
    world.told('device.move_requested').map(({ why }) => why),
    ['rebalancing: it lost its socket anyway'],
  )
})

const stays: [string, Options][] = [
  ['the server was told of no surplus', { surplus: 2, told: 0 }],
  ['another device has taken the last of the surplus', { surplus: 0, told: 1 }],
  ['it was moved within the day', { surplus: 2, device: { movedAt: Date.UTC(2030, 0, 1) - DAY + 60_000 } }],
  [
    'a server of the name that it had before may take it back',
    { surplus: 2, device: { home: { name: 'web-9', since: Date.UTC(2030, 0, 1) } } },
  ],
]
for (const [why, options] of stays) {
  test(`a device that loses its socket connects again where it is when ${why}`, async (context) => {
    const { world, sockets, placed, rowWhen } = await onSurplus(context, options)

    sockets[0]?.closed(428, 'lost')

    const row = await rowWhen(({ status }) => status === 'disconnected')
    assert.ok(row.retryAt)
    await reconnect(world, sockets)
    assert.equal((await rowWhen(({ status }) => status === 'connecting')).owner, 'web-1')
    assert.deepEqual(placed, [])
  })
}

test('a device that loses its socket connects again where it is when the store fails', async (context) => {
  const { world, sockets, placed, rowWhen } = await onSurplus(context, {
    surplus: 2,
    beforeTaking: async () => {
      throw new Error('the store cannot be reached')
    },
  })

  sockets[0]?.closed(428, 'lost')

  await rowWhen(({ status }) => status === 'disconnected')
  await reconnect(world, sockets)
  assert.deepEqual(placed, [])
})

test('a device whose move was written is released, although the answer was lost', async (context) => {
  const { world, connection, sockets, placed } = await onSurplus(context, {
    surplus: 2,
    beforeRequest: async (device, store) => {
      await store.update('Devices', { deviceId: device }, { set: { moveTo: 'any' }, when: [] })
      throw new Error('the answer was lost')
    },
  })

  sockets[0]?.closed(428, 'lost')
  await eventually(async () => {
    world.clock.advance(1000)
    return placed.length > 0 ? true : undefined
  })

  assert.deepEqual(await connection.ended, { released: true })
  assert.equal(sockets.length, 1)
})

/** Moves time on until the backoff is over. */
async function reconnect(world: { clock: { advance(ms: number): void } }, sockets: readonly SocketEvents[]) {
  await eventually(async () => {
    world.clock.advance(1000)
    return sockets[1]
  })
}
