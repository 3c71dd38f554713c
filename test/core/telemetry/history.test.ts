import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { deviceId } from '../../../core/ids.ts'
import { readHistory, recordHistory } from '../../../core/telemetry/history.ts'
import { fresh } from '../../builders/fresh.ts'

const t = fresh()

const ID = deviceId('device-1')

describe('a device’s history', () => {
  test('is read newest first', async () => {
    await recordHistory(t.world, { deviceId: ID, event: 'registered', why: 'asked for' })
    t.clock.advance(1000)
    await recordHistory(t.world, { deviceId: ID, event: 'assigned', why: 'it had no server' })

    const { rows } = await readHistory(t.store, ID, 10)

    assert.deepEqual(
      rows.map((entry) => entry.event),
      ['assigned', 'registered'],
    )
  })

  test('keeps both of two events in the same millisecond', async () => {
    await recordHistory(t.world, { deviceId: ID, event: 'evicted', why: 'its server is gone' })
    await recordHistory(t.world, { deviceId: ID, event: 'assigned', why: 'it had no server' })

    assert.equal((await readHistory(t.store, ID, 10)).rows.length, 2)
  })

  test('is read in pages', async () => {
    await recordHistory(t.world, { deviceId: ID, event: 'registered', why: 'first' })
    t.clock.advance(1)
    await recordHistory(t.world, { deviceId: ID, event: 'assigned', why: 'second' })

    const first = await readHistory(t.store, ID, 1)
    const second = await readHistory(t.store, ID, 1, first.next)

    assert.equal(first.rows[0]?.why, 'second')
    assert.equal(second.rows[0]?.why, 'first')
  })

  test('expires after 30 days', async () => {
    await recordHistory(t.world, { deviceId: ID, event: 'registered', why: 'asked for' })

    const [entry] = (await readHistory(t.store, ID, 1)).rows

    assert.equal(entry?.expiresAt, t.clock.wallMs() / 1000 + 30 * 86_400)
  })

  test('has no row of another device', async () => {
    await recordHistory(t.world, { deviceId: deviceId('device-2'), event: 'registered', why: 'asked for' })

    assert.deepEqual((await readHistory(t.store, ID, 10)).rows, [])
  })
})
