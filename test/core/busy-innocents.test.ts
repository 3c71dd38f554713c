/** Devices that are always at work beside poisonous ones: each dying server names all of them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DeviceRow } from '../../core/device.ts'
import { berths } from '../../core/placement.ts'
import { type Gone, PROBATION_POINTS, QUARANTINE_POINTS, suspicionAfterDeath } from '../../core/suspicion.ts'
import { aDeviceRow, aServerRow } from './builders.ts'
import { scriptedRandom } from './chance.ts'

const LAST_BEAT_MS = Date.UTC(2030, 0, 1)
const NAMES = ['web-1', 'web-2', 'web-3'] as const

interface Busy {
  readonly id: string
  points: number
  server: string
}

test('two poisonous devices among eight busy ones on three servers: no innocent is quarantined', () => {
  const devices: Busy[] = Array.from({ length: 8 }, (_, at) => ({
    id: `device-${at}`,
    points: 0,
    server: NAMES[at % NAMES.length] ?? '',
  }))
  const quarantined: string[] = []
  const rest = () => devices.filter(({ id }) => !quarantined.includes(id))

  for (const poison of [0, 1, 0, 1, 0, 1]) {
    const dying = devices[poison]?.server
    const struck = rest().filter(({ server }) => server === dying)
    for (const device of struck) device.points = pointsAfter(device, struck)
    quarantined.push(...struck.filter(({ points }) => points >= QUARANTINE_POINTS).map(({ id }) => id))
    const open = NAMES.map((name) =>
      aServerRow(name, { load: rest().filter((one) => one.server === name && !struck.includes(one)).length }),
    )
    const choices = berths(open, struck.length, scriptedRandom(0.5))
    for (const device of struck) device.server = choices.choose({ suspicion: device.points })?.name ?? ''
  }

  assert.deepEqual(quarantined.sort(), ['device-0', 'device-1'])
})

/** Each was open for a minute before. */
function pointsAfter({ id, points }: Busy, struck: readonly Busy[]): number {
  const row: Partial<DeviceRow> = {
    status: 'connected',
    connectedAt: LAST_BEAT_MS - 60_000,
    suspicion: points + PROBATION_POINTS,
  }
  const suspects = struck.map((one) => aDeviceRow(one.id).deviceId)
  const gone: Gone = { ...aServerRow('web-1'), beatAt: LAST_BEAT_MS, crashed: true, suspects }
  return suspicionAfterDeath(aDeviceRow(id, row), gone)
}
