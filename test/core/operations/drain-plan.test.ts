import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { planDrain } from '../../../core/operations/drain-plan.ts'
import { aDeviceRow, aServerRow } from '../../builders/builders.ts'
import { seededRandom } from '../../builders/chance.ts'

const FROM = aServerRow('from', { state: 'active', load: 6 })
const UNMEASURED = { moves: 0, seconds: 0 }
const devices = Array.from({ length: 6 }, (_, number) =>
  aDeviceRow(`device-${number}`, { owner: FROM.serverId }),
)

function plan(others: ReturnType<typeof aServerRow>[], atOnce = 2, measured = UNMEASURED) {
  const planned = { server: FROM, servers: [FROM, ...others], devices, atOnce, measured }
  return planDrain(planned, seededRandom())
}

describe('the plan of a drain', () => {
  test('sends every device to another server, wave after wave', () => {
    const { moves, waves } = plan([aServerRow('one'), aServerRow('two')])

    assert.deepEqual(
      moves.map(({ wave }) => wave),
      [1, 1, 2, 2, 3, 3],
    )
    assert.equal(waves, 3)
    assert.ok(moves.every(({ to }) => to.name === 'one' || to.name === 'two'))
  })

  test('names the devices that find no room', () => {
    const { moves, withoutRoom } = plan([
      aServerRow('small', { capacity: 4 }),
      aServerRow('dead', { state: 'dead' }),
    ])

    assert.equal(moves.length, 4)
    assert.deepEqual(withoutRoom, ['device-4', 'device-5'])
  })

  test('prefers the server that was named', () => {
    const planned = {
      server: FROM,
      servers: [FROM, aServerRow('one'), aServerRow('two')],
      devices,
      atOnce: 2,
    }
    const { moves } = planDrain(
      { ...planned, to: aServerRow('two').serverId, measured: UNMEASURED },
      seededRandom(),
    )

    assert.ok(moves.every(({ to }) => to.name === 'two'))
  })

  test('predicts by the moves that were measured, and says so', () => {
    const { moves, seconds, basis } = plan([aServerRow('one')], 1, { moves: 10, seconds: 15 })

    assert.deepEqual(basis, { secondsPerMove: 1.5, from: 'measured', movesMeasured: 10 })
    assert.ok(moves.every(({ secondsWithoutSocket }) => secondsWithoutSocket === 1.5))
    // Six waves of 1.5 s; the sweep sees each a second after it has settled.
    assert.equal(seconds, 15)
  })

  test('assumes a time when too few moves were measured, and says so', () => {
    const { basis } = plan([aServerRow('one')], 2, { moves: 2, seconds: 60 })

    assert.deepEqual(basis, { secondsPerMove: 2, from: 'assumed', movesMeasured: 2 })
  })

  test('counts the wait for a turn on a server that may connect few in a second', () => {
    const { moves } = plan([aServerRow('one', { connectShare: 1 })], 3, { moves: 10, seconds: 10 })

    assert.deepEqual(
      moves.slice(0, 3).map(({ secondsWithoutSocket }) => secondsWithoutSocket),
      [1, 2, 3],
    )
  })
})
