import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { deviceId, epoch, serverId } from '../../../core/ids.ts'
import { claim, evict, permit, register, release } from '../../../core/protocol/ownership.ts'
import { logout, start } from '../../../core/requests/device-requests.ts'
import { beginImport, finishImport } from '../../../core/requests/import.ts'
import { undoImport } from '../../../core/requests/undo-import.ts'
import type { DeviceRow } from '../../../core/store/device-row.ts'
import { queryAll, type Store } from '../../../core/store/store.ts'
import { fresh } from '../../builders/fresh.ts'

const t = fresh()
const ID = deviceId('shop-1')
const SERVER = { serverId: serverId('server-1'), name: 'server-1' }
const IMPORT = { device: ID, name: 'The shop', importId: 'i-1', credentialsId: 'c-1', batch: 'night-1' }
const ACCOUNT = { jid: '15550100101:3@s.whatsapp.net' }

const read = async (store: Store): Promise<DeviceRow | undefined> => store.get('Devices', { deviceId: ID })
const keysOf = async (store: Store) =>
  (await queryAll(store, 'AuthState', { partition: ID })).map(({ key }) => key)

async function imported(store: Store): Promise<DeviceRow> {
  const row = await beginImport(store, t.clock, IMPORT)
  assert.ok(row)
  await store.put('AuthState', { deviceId: ID, key: 'c-1/creds', epoch: row.epoch, value: 'v' })
  await finishImport(store, t.clock, { ...IMPORT, account: ACCOUNT, epoch: row.epoch })
  const finished = await read(store)
  assert.ok(finished)
  return finished
}

const claimIt = (store: Store) =>
  claim(store, t.clock, { device: ID, server: SERVER, claimId: 'c', keepHome: false, moved: false })

async function undo(store: Store, row?: DeviceRow) {
  const seen = row ?? (await read(store))
  assert.ok(seen)
  return undoImport(store, t.clock, seen, 'fresh')
}

describe('undoing an import', () => {
  test('deletes a device that no server has had, with its credentials', async () => {
    await imported(t.store)

    assert.equal(await undo(t.store), undefined)
    assert.equal(await read(t.store), undefined)
    assert.deepEqual(await keysOf(t.store), [])
  })

  test('leaves a device that has an owner', async () => {
    const row = await imported(t.store)
    await claimIt(t.store)

    assert.equal(await undo(t.store), 'owned')
    assert.equal(await undo(t.store, row), 'owned')
    assert.deepEqual(await keysOf(t.store), ['c-1/creds'])
  })

  test('leaves a device that a server was permitted to connect, also after its release', async () => {
    const row = await imported(t.store)
    await claimIt(t.store)
    const permitted = await permit(t.store, t.clock, ID, SERVER.serverId)
    const socket = { device: ID, server: SERVER.serverId, epoch: permitted.epoch }
    await release(t.store, t.clock, { ...socket, status: 'unassigned' })

    assert.equal(await undo(t.store), 'connected')
    assert.equal(await undo(t.store, row), 'connected')
  })

  test('deletes a device whose server died before it was permitted to connect', async () => {
    await imported(t.store)
    await claimIt(t.store)
    await evict(t.store, t.clock, ID, SERVER)

    assert.equal(await undo(t.store), undefined)
    assert.equal(await read(t.store), undefined)
  })

  test('deletes a device whose import has not finished; that import cannot finish any more', async () => {
    await beginImport(t.store, t.clock, IMPORT)

    assert.equal(await undo(t.store), undefined)
    assert.equal(
      await finishImport(t.store, t.clock, { ...IMPORT, account: ACCOUNT, epoch: epoch(0) }),
      false,
    )
    assert.equal(await read(t.store), undefined)
  })

  test('leaves a device that a later import has brought in again', async () => {
    const row = await imported(t.store)
    await logout(t.store, t.clock, ID, 'c-2')
    await beginImport(t.store, t.clock, { ...IMPORT, importId: 'i-3', credentialsId: 'c-3', batch: 'other' })

    assert.equal(await undo(t.store, row), 'changed')
    assert.equal((await read(t.store))?.credentialsId, 'c-3')
  })

  test('finds no batch on a device that was logged out since', async () => {
    await imported(t.store)
    await logout(t.store, t.clock, ID, 'c-2')

    assert.equal((await read(t.store))?.importBatch, undefined)
  })
})

describe('undoing the import of a device that was registered before', () => {
  async function takenOver(store: Store): Promise<DeviceRow> {
    const stoppedBecause = 'registered by hand'
    await register(store, t.clock, { deviceId: ID, name: 'By hand', credentialsId: 'c-0', stoppedBecause })
    return imported(store)
  }

  test('leaves it registered, stopped and not linked, without the credentials', async () => {
    await takenOver(t.store)

    assert.equal(await undo(t.store), undefined)

    const row = await read(t.store)
    assert.equal(row?.desired, 'stopped')
    assert.equal(row?.status, 'stopped')
    assert.equal(row?.account, undefined)
    assert.equal(row?.pairedAt, undefined)
    assert.equal(row?.unassignedShard, undefined)
    assert.equal(row?.importBatch, undefined)
    assert.equal(row?.credentialsId, 'fresh')
    assert.deepEqual(await keysOf(t.store), [])
    assert.equal((await start(t.store, t.clock, ID)).desired, 'running')
  })

  test('is finished by a second undo when the first one ended before it had deleted everything', async () => {
    await takenOver(t.store)
    const cut: Store = {
      ...t.store,
      remove: () => Promise.reject(new Error('killed')),
    }
    await assert.rejects(undo(cut), /killed/)
    assert.deepEqual(await keysOf(t.store), ['c-1/creds'])

    assert.equal(await undo(t.store), undefined)

    assert.deepEqual(await keysOf(t.store), [])
    assert.equal((await read(t.store))?.importBatch, undefined)
  })
})

/** The requests of a store, each after its turn has come. */
function inTurns(store: Store, turn: () => Promise<void>): Store {
  const wait = <Given extends unknown[], Result>(request: (...given: Given) => Promise<Result>) => {
    return async (...given: Given) => {
      await turn()
      return request(...given)
    }
  }
  return {
    ...store,
    get: wait(store.get) as Store['get'],
    put: wait(store.put) as Store['put'],
    update: wait(store.update) as Store['update'],
    remove: wait(store.remove) as Store['remove'],
    query: wait(store.query) as Store['query'],
  }
}

/** Runs two stories on one store, request by request, in the order of the bits: 1 is the first one's turn. */
async function interleave(order: number, stories: readonly ((store: Store) => Promise<unknown>)[]) {
  const turns = stories.map((story) => {
    let grant: (() => void) | undefined
    let paused = Promise.withResolvers<void>()
    const turn = () => {
      const granted = new Promise<void>((resolve) => {
        grant = resolve
      })
      paused.resolve()
      return granted
    }
    const ended = Promise.allSettled([story(inTurns(t.store, turn))]).then(([result]) => {
      grant = undefined
      paused.resolve()
      return result
    })
    const step = async () => {
      await paused.promise
      if (!grant) return false
      const go = grant
      grant = undefined
      paused = Promise.withResolvers()
      go()
      await paused.promise
      return true
    }
    return { step, ended }
  })
  const [first, second] = turns
  for (let bits = order; ; bits >>= 1) {
    const inOrder = bits & 1 ? [first, second] : [second, first]
    if (!((await inOrder[0]?.step()) || (await inOrder[1]?.step()))) break
  }
  return Promise.all(turns.map(({ ended }) => ended))
}

describe('an undo and a server that takes the device, request by request in every order', () => {
  const ORDERS = Array.from({ length: 64 }, (_, order) => order)

  for (const wasRegistered of [false, true]) {
    test(`the device is connected or erased, never both; registered before: ${wasRegistered}`, async () => {
      const outcomes = new Set<string>()
      for (const order of ORDERS) {
        const seen = await scene(wasRegistered)

        const [undone, connected] = await interleave(order, [
          (store) => undo(store, seen),
          async (store) => {
            await claimIt(store)
            return permit(store, t.clock, ID, SERVER.serverId)
          },
        ])

        const row = await read(t.store)
        const isConnected = connected?.status === 'fulfilled'
        const isUndone = undone?.status === 'fulfilled' && undone.value === undefined
        assert.equal(isConnected, !isUndone, `order ${order}`)
        assert.equal(row?.owner, isConnected ? SERVER.serverId : undefined, `order ${order}`)
        assert.deepEqual(await keysOf(t.store), isConnected ? ['c-1/creds'] : [], `order ${order}`)
        outcomes.add(isConnected ? 'connected' : 'undone')
      }
      assert.deepEqual([...outcomes].sort(), ['connected', 'undone'])
    })
  }

  async function scene(wasRegistered: boolean): Promise<DeviceRow> {
    await t.store.remove('Devices', { deviceId: ID })
    for (const key of await keysOf(t.store)) await t.store.remove('AuthState', { deviceId: ID, key })
    const registration = { deviceId: ID, name: 'By hand', credentialsId: 'c-0', stoppedBecause: 'test' }
    if (wasRegistered) await register(t.store, t.clock, registration)
    return imported(t.store)
  }
})
