import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { embeddedTables, type Tables } from '../../../builders/builders.ts'
import { anApi } from '../../events.ts'
import { aFleet, refusal } from './scenes.ts'

let tables: Tables
before(async () => {
  tables = await embeddedTables()
})
after(() => tables.close())

describe('GET /operations', () => {
  test('lists the running operations, the newest first', async () => {
    const { world, call } = await aFleet(tables)
    await call('POST', '/devices/web-1-device-0/reassign', { body: { serverId: 'web-2' } })
    world.clock.advance(1000)
    await call('POST', '/servers/web-1/drain')

    const { body } = await call('GET', '/operations')

    assert.deepEqual(
      body.operations.map(({ kind }: { kind: string }) => kind),
      ['drain', 'reassign'],
    )
  })

  test('refuses an unknown id', async () => {
    assert.equal(
      await refusal(await anApi(tables), 'GET', '/operations/nobody'),
      '404 OPERATION_NOT_FOUND: there is no operation "nobody"; an operation is kept for a week after its end',
    )
  })
})
