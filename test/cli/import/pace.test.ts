import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AHEAD_MAX, createPace, type PaceOptions, WAIT_MS_MAX } from '../../../cli/import/pace.ts'
import { type DeviceId, deviceId } from '../../../core/ids.ts'
import type { DeviceRow } from '../../../core/store/device-row.ts'
import type { Store } from '../../../core/store/store.ts'
import { manualClock } from '../../builders/manual-clock.ts'

/** A fleet in which devices do what the test says, and an import that is paced by it. */
function aScene(options: PaceOptions = {}) {
  const clock = manualClock()
  const stopping = new AbortController()
  const rows = new Map<DeviceId, Pick<DeviceRow, 'status'> & Partial<DeviceRow>>()
  const requests: number[] = []
  const told: string[] = []
  const faults: Error[] = []
  const getMany = async (_table: string, keys: readonly { deviceId: DeviceId }[]) => {
    requests.push(keys.length)
    const fault = faults.shift()
    if (fault) throw fault
    return keys.flatMap(({ deviceId: id }) => (rows.has(id) ? [{ deviceId: id, ...rows.get(id) }] : []))
  }
  const progress = {
    wait: (line: string) => void told.push(line),
    note: (line: string) => void told.push(line),
  }
  const store = { getMany } as unknown as Pick<Store, 'getMany'>
  const pace = createPace({ clock, stop: stopping.signal }, store, progress, options)
  let count = 0
  return {
    clock,
    pace,
    requests,
    told,
    faults,
    stopping,
    set: (id: string, row: Pick<DeviceRow, 'status'> & Partial<DeviceRow>) =>
      void rows.set(deviceId(id), row),
    delete: (id: string) => void rows.delete(deviceId(id)),
    /** Imports one device, if the pace lets it, and gives the device this status. */
    async import(status: DeviceRow['status'] = 'unassigned') {
      if (!(await clock.runUntilDone(pace.mayBegin()))) return undefined
      pace.begin()
      count += 1
      const id = deviceId(`shop-${count}`)
      rows.set(id, { status })
      pace.ended({ deviceId: id, outcome: 'imported' })
      return id
    },
    connectAll: () => {
      for (const id of rows.keys()) rows.set(id, { status: 'connected' })
    },
  }
}

describe('an import', () => {
  test(`does not ask for rows before it is ${AHEAD_MAX} devices ahead`, async () => {
    const scene = aScene()
    for (let at = 0; at < AHEAD_MAX; at++) await scene.import()

    assert.deepEqual(scene.requests, [])
  })

  test('waits while it is ahead, and goes on when a device has connected', async () => {
    const scene = aScene()
    for (let at = 0; at < AHEAD_MAX; at++) await scene.import()
    scene.clock.startTimer(7000, () => scene.set('shop-3', { status: 'connected' }))
    const begun = scene.clock.wallMs()

    assert.ok(await scene.import())

    assert.ok(scene.clock.wallMs() - begun >= 7000)
    assert.equal(scene.pace.waiting(), AHEAD_MAX)
    assert.deepEqual(scene.pace.unconnected(), [])
  })

  test('asks for all the rows it waits for by one request, at most once in two seconds', async () => {
    const scene = aScene()
    for (let at = 0; at < AHEAD_MAX; at++) await scene.import()
    scene.clock.startTimer(60_000, () => scene.connectAll())

    await scene.import()

    assert.ok(scene.requests.length <= 31, `${scene.requests.length} requests`)
    assert.ok(scene.requests.every((keys) => keys === AHEAD_MAX))
  })

  test('tells that it waits for a server, and ends after some minutes', async () => {
    const scene = aScene()
    for (let at = 0; at < AHEAD_MAX; at++) await scene.import()
    const begun = scene.clock.wallMs()

    assert.equal(await scene.import(), undefined)

    assert.equal(
      scene.told[0],
      '100 devices wait for a server: is any running, with room for them? The import gives up in 4 min.',
    )
    assert.match(scene.pace.stoppedBecause() ?? '', /^No device has connected for 5 min: 100 devices wait/)
    assert.ok(scene.clock.wallMs() - begun <= WAIT_MS_MAX + 2000)
  })

  test('counts a device that will not connect as settled, and tells it at once', async () => {
    const scene = aScene()
    for (let at = 0; at < AHEAD_MAX; at++) await scene.import()
    scene.set('shop-1', { status: 'logged_out', statusReason: 'WhatsApp has logged it out' })
    scene.delete('shop-2')

    assert.ok(await scene.import())

    assert.deepEqual(scene.pace.unconnected(), [
      { deviceId: 'shop-1', why: 'it is logged out: WhatsApp has logged it out' },
      { deviceId: 'shop-2', why: 'it was deleted' },
    ])
    assert.equal(
      scene.told[0],
      'device "shop-1" has not connected: it is logged out: WhatsApp has logged it out',
    )
  })

  test('counts devices of an earlier run, which are no failures of this one', async () => {
    const scene = aScene()
    for (let at = 1; at <= AHEAD_MAX; at++) {
      const id = deviceId(`old-${at}`)
      scene.set(id, { status: at === 1 ? 'conflicted' : 'unassigned' })
      scene.pace.begin()
      scene.pace.ended({ deviceId: id, outcome: 'done' })
    }

    assert.ok(await scene.import())

    assert.equal(scene.requests.length, 1)
    assert.deepEqual(scene.pace.unconnected(), [])
  })

  test('ends when it is interrupted while it waits', async () => {
    const scene = aScene()
    for (let at = 0; at < AHEAD_MAX; at++) await scene.import()
    scene.clock.startTimer(3000, () => scene.stopping.abort())

    assert.equal(await scene.import(), undefined)
    assert.equal(scene.pace.stoppedBecause(), undefined)
  })

  test('survives two looks that fail, and ends at the third', async () => {
    const scene = aScene()
    for (let at = 0; at < AHEAD_MAX; at++) await scene.import()
    scene.faults.push(new Error('a'), new Error('b'))
    scene.clock.startTimer(5000, () => scene.connectAll())
    assert.ok(await scene.import())

    for (let at = 1; at < AHEAD_MAX; at++) await scene.import()
    scene.faults.push(new Error('a'), new Error('b'), new Error('c'))
    assert.equal(await scene.import(), undefined)
    assert.match(scene.pace.stoppedBecause() ?? '', /rows of the devices cannot be read/)
  })

  test('looks once more at its end, and tells how many have not connected', async () => {
    const scene = aScene()
    for (let at = 0; at < 5; at++) await scene.import()
    scene.set('shop-2', { status: 'connected' })

    await scene.clock.runUntilDone(scene.pace.finish())

    assert.equal(scene.pace.waiting(), 4)
    assert.equal(scene.requests.length, 1)
  })
})

describe('an import in batches of 3', () => {
  test('begins the next batch when each device of this one has connected', async () => {
    const scene = aScene({ batch: 3 })
    for (let at = 0; at < 3; at++) await scene.import()
    scene.clock.startTimer(4000, () => scene.set('shop-1', { status: 'connected' }))
    scene.clock.startTimer(9000, () => scene.connectAll())
    const begun = scene.clock.wallMs()

    assert.ok(await scene.import())

    assert.ok(scene.clock.wallMs() - begun >= 9000)
    assert.deepEqual(scene.told, ['batch 1: 3 devices imported, 3 connected'])
  })

  test('stops before the next batch when a device has settled otherwise', async () => {
    const scene = aScene({ batch: 3 })
    for (let at = 0; at < 3; at++) await scene.import('connected')
    scene.set('shop-2', { status: 'disconnected', refusedUntil: 1, refusal: { code: 402, why: 'banned' } })

    assert.equal(await scene.import(), undefined)

    assert.match(scene.pace.stoppedBecause() ?? '', /^1 device of batch 1 did not connect/)
    assert.equal(scene.told[0], 'device "shop-2" has not connected: it is disconnected: banned')
    assert.equal(scene.told[1], 'batch 1: 3 devices imported, 2 connected')
  })

  test('goes on all the same under --keep-going', async () => {
    const scene = aScene({ batch: 3, keepGoing: true })
    for (let at = 0; at < 3; at++) await scene.import('quarantined')

    assert.ok(await scene.import())
    assert.equal(scene.pace.unconnected().length, 3)
  })

  test('fills the batch up when a device was skipped or failed', async () => {
    const scene = aScene({ batch: 3 })
    for (let at = 0; at < 2; at++) await scene.import()
    for (const outcome of ['skipped', 'failed', 'registered'] as const) {
      assert.equal(await scene.clock.runUntilDone(scene.pace.mayBegin()), true)
      scene.pace.begin()
      scene.pace.ended({ deviceId: deviceId('other'), outcome })
    }

    assert.ok(await scene.import())
    assert.deepEqual(scene.requests, [])
  })

  test('waits for the last batch as well, and for one that never connects not for ever', async () => {
    const scene = aScene({ batch: 3 })
    await scene.import()

    await scene.clock.runUntilDone(scene.pace.finish())

    assert.match(scene.pace.stoppedBecause() ?? '', /^No device has connected for 5 min/)
  })

  test('asks four times a second at most, however large the batch is', async () => {
    const scene = aScene({ batch: 5000 })
    for (let at = 0; at < 5000; at++) await scene.import()
    scene.clock.startTimer(60_000, () => scene.connectAll())

    await scene.import()

    const requests = scene.requests.reduce((sum, keys) => sum + Math.ceil(keys / 100), 0)
    assert.ok(requests <= 61 * 4 + 50, `${requests} requests`)
  })
})
