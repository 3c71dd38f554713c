/** Devices that had been well when their servers died: an innocent one must not be quarantined for that. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deviceId, serverId } from '../../../core/ids.ts'
import {
  type Gone,
  PROBATION_POINTS,
  QUARANTINE_POINTS,
  suspicionAfterDeath,
} from '../../../core/protocol/suspicion.ts'
import type { DeviceRow } from '../../../core/store/device-row.ts'
import { aDeviceRow } from '../../builders/builders.ts'

const LAST_BEAT_MS = Date.UTC(2030, 0, 1)
const crashed: Gone = { serverId: serverId('web-1'), name: 'web-1', beatAt: LAST_BEAT_MS, crashed: true }

/** The points of a device after this many deaths of its servers. Each server dies this long after the
 *  device has connected. */
function after(deaths: number, gone: Gone, wellMs: number): number {
  let points = 0
  for (let death = 0; death < deaths; death++) {
    const row: Partial<DeviceRow> = {
      status: 'connected',
      suspicion: points + PROBATION_POINTS,
      connectedAt: LAST_BEAT_MS - wellMs,
    }
    points = suspicionAfterDeath(aDeviceRow('shop-1', row), gone)
  }
  return points
}

test('a busy device that was well for 50 minutes before each of three crashes is not quarantined', () => {
  const naming = { ...crashed, suspects: ['shop-1', 'shop-2', 'shop-3'].map(deviceId) }
  assert.ok(after(3, naming, 50 * 60_000) < QUARANTINE_POINTS, `${after(3, naming, 50 * 60_000)} points`)
})
