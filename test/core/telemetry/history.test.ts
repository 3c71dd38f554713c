import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { deviceId } from '../../../core/ids.ts'
import { readHistory, recordHistory } from '../../../core/telemetry/history.ts'
import { world } from '../../builders/each-afresh.ts'

const ID = deviceId('device-1')

describe('a device’s history', () => {
  test('is read newest first', async () => {
    await recordHistory(world, { deviceId: ID, event: 'registered', why: 'asked for' })
    world.clock.advance(1000)
    await recordHistory(world, { deviceId: ID, event: 'assigned', why: 'it had no server' })

    const { rows } = await readHistory(world.store, ID, 10)

    assert.deepEqual(
      rows.map((entry) => entry.event),
      ['assigned', 'registered'],
    )
  })

  test('keeps both of two events in the same millisecond', async () => {
    await recordHistory(world, { deviceId: ID, event: 'evicted', why: 'its server is gone' })
    await recordHistory(world, { deviceId: ID, event: 'assigned', why: 'it had no server' })

    assert.equal((await readHistory(world.store, ID, 10)).rows.length, 2)
  })

  test('is read in pages', async () => {
    await recordHistory(world, { deviceId: ID, event: 'registered', why: 'first' })
    world.clock.advance(1)
    await recordHistory(world, { deviceId: ID, event: 'assigned', why: 'second' })

    const first = await readHistory(world.store, ID, 1)
    const second = await readHistory(world.store, ID, 1, first.next)

    assert.deepEqual([first.rows[0]?.why, second.rows[0]?.why], ['second', 'first'])
  })

  test('expires after 30 days', async () => {
    await recordHistory(world, { deviceId: ID, event: 'registered', why: 'asked for' })

    const [entry] = (await readHistory(world.store, ID, 1)).rows

    assert.equal(entry?.expiresAt, world.clock.wallMs() / 1000 + 30 * 86_400)
  })

  test('is told apart from that of any other device', async () => {
    await recordHistory(world, { deviceId: deviceId('device-2'), event: 'registered', why: 'asked for' })

    assert.deepEqual((await readHistory(world.store, ID, 10)).rows, [])
  })
})
