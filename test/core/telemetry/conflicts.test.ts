import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { deviceId, epoch, serverId } from '../../../core/ids.ts'
import { readConflicts, recordConflict } from '../../../core/telemetry/conflicts.ts'
import { fresh } from '../../builders/fresh.ts'

const t = fresh()

const one = conflictOf('device-1', 'web-1')
const other = conflictOf('device-2', 'web-2')
const HOUR_MS = 3_600_000

describe('the conflicts of the fleet', () => {
  test('are counted for each device, the latest first', async () => {
    await recordConflict(t.world, one)
    t.clock.advance(1000)
    await recordConflict(t.world, one)
    t.clock.advance(1000)
    await recordConflict(t.world, other)

    const [latest, earlier, ...more] = await readConflicts(t.store, t.clock)

    assert.equal(latest?.deviceId, 'device-2')
    assert.equal(latest?.conflicts, 1)
    assert.equal(latest?.serverName, 'web-2')
    assert.equal(latest?.lastAt, new Date(t.clock.wallMs()).toISOString())
    assert.equal(earlier?.deviceId, 'device-1')
    assert.equal(earlier?.conflicts, 2)
    assert.deepEqual(more, [])
  })

  test('are forgotten after 24 hours, though their rows may still be there', async () => {
    await recordConflict(t.world, one)
    t.clock.advance(24 * HOUR_MS + 1)

    assert.deepEqual(await readConflicts(t.store, t.clock), [])
  })
})

function conflictOf(device: string, serverName: string) {
  return { device: deviceId(device), server: serverId(`${serverName}-run`), serverName, epoch: epoch(3) }
}
