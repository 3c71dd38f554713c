import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { beat } from '../../../core/protocol/membership.ts'
import { buryAndTell } from '../../../core/sweep/bury-and-tell.ts'
import { anActiveServer, serverRow } from '../../builders/builders.ts'
import { fresh } from '../../builders/fresh.ts'

const t = fresh()

describe('a burial', () => {
  test('of a silent server is logged, and stops its task', async () => {
    const silent = await anActiveServer(t.world, 'web-1', { taskArn: 'arn:task/1' })

    assert.equal(await buryAndTell(t.world, silent, { why: 'silent' }), true)

    assert.equal((await serverRow(t.world.store, 'web-1')).state, 'dead')
    assert.deepEqual(
      t.world.told('server.buried').map(({ why }) => why),
      ['silent'],
    )
    assert.deepEqual(t.world.stoppedTasks, ['arn:task/1'])
  })

  test('of a server whose process has exited stops no task, and tells of a crash once', async () => {
    const exited = await anActiveServer(t.world, 'web-1', { taskArn: 'arn:task/1' })
    const burial = { why: 'exit code 1', exited: { crashed: true } }

    assert.equal(await buryAndTell(t.world, exited, burial), true)
    assert.equal(await buryAndTell(t.world, exited, burial), false)

    assert.equal((await serverRow(t.world.store, 'web-1')).crashed, true)
    assert.equal(t.world.told('server.buried').length, 1)
    assert.equal(t.world.told('server.crashed').length, 1)
    assert.deepEqual(t.world.stoppedTasks, [])
  })

  test('of a server that has beaten since it was read is refused, and nothing is told', async () => {
    const read = await anActiveServer(t.world, 'web-1', { taskArn: 'arn:task/1' })
    await beat(t.world.store, t.world.clock, read.serverId, 0)

    assert.equal(await buryAndTell(t.world, read, { why: 'silent' }), false)

    assert.equal((await serverRow(t.world.store, 'web-1')).state, 'active')
    assert.deepEqual(t.world.told('server.buried'), [])
    assert.deepEqual(t.world.stoppedTasks, [])
  })
})
