/** Busy devices beside a poisonous one: each dying server names all of them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chooseServers } from '../../../core/placement/choose-server.ts'
import {
  guiltyOne,
  PROBATION_POINTS,
  QUARANTINE_POINTS,
  suspicionAfterDeath,
} from '../../../core/protocol/suspicion.ts'
import type { DeviceRow } from '../../../core/store/device-row.ts'
import { aDeviceRow, aServerRow } from '../../builders/builders.ts'
import { scriptedRandom } from '../../builders/chance.ts'

const LAST_BEAT_MS = Date.UTC(2030, 0, 1)
const NAMES = ['web-1', 'web-2', 'web-3'] as const

interface Busy {
  readonly id: string
  points: number
  server: string
}

test('a poisonous device among eight busy ones on three servers is quarantined, and no innocent one', () => {
  const devices: Busy[] = Array.from({ length: 8 }, (_, at) => ({
    id: `device-${at}`,
    points: 0,
    server: NAMES[at % NAMES.length] ?? '',
  }))
  const quarantined: string[] = []
  const rest = () => devices.filter(({ id }) => !quarantined.includes(id))

  for (let crashes = 0; crashes < 10 && quarantined.length === 0; crashes++) {
    const dying = devices[0]?.server
    const struck = rest().filter(({ server }) => server === dying)
    const gone = {
      ...aServerRow('web-1'),
      beatAt: LAST_BEAT_MS,
      crashed: true,
      suspects: struck.map((one) => rowOf(one).deviceId),
    }
    const guilty = guiltyOne(struck.map(rowOf), gone)
    if (guilty !== undefined) quarantined.push(guilty)
    for (const device of struck)
      device.points =
        guilty === undefined ? Math.min(QUARANTINE_POINTS - 1, suspicionAfterDeath(rowOf(device), gone)) : 0
    const open = NAMES.map((name) =>
      aServerRow(name, { load: rest().filter((one) => one.server === name && !struck.includes(one)).length }),
    )
    const choices = chooseServers(open, struck.length, scriptedRandom(0.5))
    for (const device of struck) device.server = choices.choose({ suspicion: device.points })?.name ?? ''
  }

  assert.deepEqual(quarantined, ['device-0'])
})

/** Each socket had been open for a minute. */
function rowOf({ id, points }: Busy): DeviceRow {
  return aDeviceRow(id, {
    desired: 'running',
    status: 'connected',
    connectedAt: LAST_BEAT_MS - 60_000,
    suspicion: points + PROBATION_POINTS,
  })
}
