import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { readWholeState } from '../../../../hosts/auth-state/whole-state.ts'
import { FIXTURES, fixtures } from '../../../fixtures/import/make/fixture.ts'
import { asJson, startTestImport, type TestImport } from '../builders.ts'
import { digestsOf, readDigests } from './state-digests.ts'

let fleet: TestImport
before(async () => {
  fleet = await startTestImport()
})
after(() => fleet?.close())

describe('a device has after the import what Baileys had stored, in a dump of', () => {
  async function isWhole(source: string): Promise<void> {
    const fixture = fixtures().find((one) => one.source === source)
    assert.ok(fixture)
    const folder = join(FIXTURES, source)
    const command = fixture.command.map((part) => (part.endsWith('.gz') ? join(folder, part) : part))

    const { out, exit } = await fleet.mooring(['--json', ...command, '--yes', '--stopped'])

    assert.equal(exit, 0, out)
    for (const [id, digests] of Object.entries(readDigests(folder))) {
      const row = await fleet.device(id)
      assert.ok(row, `${id} is not there`)
      const place = { device: row.deviceId, credentialsId: row.credentialsId }
      const { creds, keys } = await readWholeState(fleet, place)
      assert.deepEqual(digestsOf({ creds: asJson(creds), keys: asJson(keys) }), digests, id)
    }
  }

  test('MariaDB, by mysql-baileys', () => isWhole('key-rows-mysql'))
  test('PostgreSQL, by postgres-baileys', () => isWhole('key-rows-postgres'))
  test('MongoDB with a document for each key, by baileys-mongodb', () => isWhole('mongodb-per-key'))
  test('MongoDB with a document for each session', () => isWhole('mongodb'))
  test('Redis with a hash for each session', () => isWhole('redis'))
  test('Redis with a string for each key', () => isWhole('redis-per-key'))
})
