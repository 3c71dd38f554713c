import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { embeddedTables, type Tables } from '../../../builders/builders.ts'
import { anApi } from '../../events.ts'

let tables: Tables
before(async () => {
  tables = await embeddedTables()
})
after(() => tables.close())

test('the health check says that the store answers', async () => {
  const { call } = await anApi(tables)
  const { status, body } = await call('GET', '/health', { scope: 'none' })
  assert.equal(status, 200)
  assert.equal(body.status, 'ok')
})
