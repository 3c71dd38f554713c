import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { asJson, openAuthOf, startTestImport, type TestImport } from '../../builders.ts'
import { loadAll } from './reading.ts'

const FIXTURES = new URL('../../../../fixtures/import/whatsmeow-linked/', import.meta.url).pathname

let fleet: TestImport
before(async () => {
  fleet = await startTestImport()
})
after(() => fleet?.close())

/** As WAHA has it: a folder for each session. */
function aSession(name: string): string {
  mkdirSync(fleet.at('gows', name), { recursive: true })
  copyFileSync(`${FIXTURES}gows.db`, fleet.at('gows', name, 'gows.db'))
  return fleet.at('gows')
}

describe('mooring import whatsmeow', () => {
  test('gives a device its credentials and every key, and says nothing of SQLite', async () => {
    const folder = aSession('shop-1')
    const [loaded] = await loadAll(folder)
    assert.ok(loaded && 'keys' in loaded)

    const { out, err, exit } = await fleet.mooring(['import', 'whatsmeow', folder, '--yes'])

    assert.equal(exit, 0, err)
    assert.equal(err, '')
    assert.match(out, /^1 device: 1 imported$/m)
    assert.deepEqual((await fleet.device('shop-1'))?.account, loaded.account)
    const { state } = await openAuthOf(fleet, 'shop-1')
    assert.deepEqual(
      asJson(state.creds.signedIdentityKey),
      asJson((loaded.creds as typeof state.creds).signedIdentityKey),
    )
    for (const [type, byId] of Object.entries(loaded.keys)) {
      const found = await state.keys.get(type as never, Object.keys(byId))
      assert.deepEqual(asJson(found), asJson(byId), type)
    }
  })

  test('imports a dump, with the id that is asked for, and prints no key material', async () => {
    const file = `${FIXTURES}devices.jsonl`
    const [loaded] = await loadAll(file)
    assert.ok(loaded && 'keys' in loaded)
    const { noiseKey } = loaded.creds as { noiseKey: { private: Buffer } }

    const { out, err, exit } = await fleet.mooring([
      '--json',
      'import',
      'whatsmeow',
      file,
      '--id-from',
      'phone',
      '--yes',
    ])

    assert.equal(exit, 0, err)
    const [device] = JSON.parse(out).devices
    assert.equal(device.outcome, 'imported')
    assert.equal(device.deviceId, '15550100102')
    const secret = noiseKey.private
    assert.ok(!out.includes(secret.toString('base64')) && !out.includes(secret.toString('hex')))
  })

  test('--dry-run finds a copy of a device, and imports nothing', async () => {
    const folder = aSession('shop-2')
    copyFileSync(`${FIXTURES}gows.db`, fleet.at('gows', 'other.db'))

    const { out, exit } = await fleet.mooring(['import', 'whatsmeow', folder, '--dry-run'])

    assert.equal(exit, 0)
    assert.match(out, /is the same linked device \(15550100101:1@s\.whatsapp\.net\)/)
    assert.equal(await fleet.device('shop-2'), undefined)
  })

  test('refuses a file of another kind, and an unknown way to an id', async () => {
    const wrong = await fleet.mooring(['import', 'whatsmeow', `${FIXTURES}make.ts`, '--dry-run'])
    const unknown = await fleet.mooring(['import', 'whatsmeow', FIXTURES, '--id-from', 'luck'])

    assert.equal(wrong.exit, 2)
    assert.equal(unknown.exit, 2)
  })
})
