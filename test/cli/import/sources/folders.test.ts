import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, renameSync, truncateSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import {
  aFolder,
  asJson,
  incompressible,
  keysOfAllTypes,
  newJid,
  openAuthOf,
  startTestImport,
  type TestImport,
} from '../builders.ts'

let fleet: TestImport
before(async () => {
  fleet = await startTestImport()
})
after(() => fleet?.close())

describe('mooring import multi-file', () => {
  test('gives a device the credentials and the keys of all ten types that Baileys had', async () => {
    const keys = keysOfAllTypes()
    const creds = await aFolder(fleet.at('round', 'shop-1'), { keys })

    const { out, exit } = await fleet.mooring(['import', 'multi-file', fleet.at('round'), '--yes'])

    assert.equal(exit, 0)
    assert.match(out, /^The old system must be stopped/m)
    assert.match(out, /^1 folder: 1 imported$/m)
    const { state } = await openAuthOf(fleet, 'shop-1')
    assert.deepEqual(asJson(state.creds), asJson(creds))
    for (const [type, byId] of Object.entries(keys)) {
      const found = await state.keys.get(type as never, Object.keys(byId))
      assert.deepEqual(asJson(found), asJson(byId), type)
    }
  })

  test('leaves a linked device that waits for a server, or under --stopped a stopped device', async () => {
    const jid = newJid()
    await aFolder(fleet.at('runs', 'runs-1'), { jid })
    await aFolder(fleet.at('rests', 'rests-1'))

    await fleet.mooring(['import', 'multi-file', fleet.at('runs'), '--yes'])
    await fleet.mooring(['import', 'multi-file', fleet.at('rests'), '--yes', '--stopped'])

    const runs = await fleet.device('runs-1')
    assert.equal(runs?.desired, 'running')
    assert.equal(runs.status, 'unassigned')
    assert.equal(runs.importing, undefined)
    assert.deepEqual(runs.account, { jid, lid: '99001:3@lid' })
    assert.ok(runs.pairedAt)
    assert.ok(runs.unassignedShard)
    const rests = await fleet.device('rests-1')
    assert.equal(rests?.desired, 'stopped')
    assert.equal(rests.unassignedShard, undefined)
    assert.equal(rests.statusReason, 'imported; start it when the old system is stopped')
  })

  test('--dry-run shows what would be imported, and imports nothing', async () => {
    await aFolder(fleet.at('dry', 'dry-1'))
    mkdirSync(fleet.at('dry', 'dry-2'))

    const { out, exit } = await fleet.mooring(['import', 'multi-file', fleet.at('dry'), '--dry-run'])

    assert.equal(exit, 0)
    assert.match(out, /dry-2 +dry-2 +skipped +it has no creds\.json$/m)
    assert.match(out, /^2 folders: 1 to import, 1 skipped$/m)
    assert.equal(await fleet.device('dry-1'), undefined)
  })

  test('does nothing where nobody can be asked and --yes is missing', async () => {
    await aFolder(fleet.at('asked', 'asked-1'))

    const { err, exit } = await fleet.mooring(['import', 'multi-file', fleet.at('asked')])

    assert.equal(exit, 2)
    assert.match(err, /two live copies of one device conflict/)
    assert.equal(await fleet.device('asked-1'), undefined)
  })

  test('prints no key material', async () => {
    const creds = await aFolder(fleet.at('silent', 'silent-1'), { keys: keysOfAllTypes() })

    const { out, err } = await fleet.mooring(['--json', 'import', 'multi-file', fleet.at('silent'), '--yes'])

    assert.equal(JSON.parse(out).devices[0].outcome, 'imported')
    const secret = Buffer.from(creds.noiseKey.private)
    assert.ok(
      !(out + err).includes(secret.toString('base64')) && !(out + err).includes(secret.toString('hex')),
    )
  })

  test('is harmless when it is repeated', async () => {
    await aFolder(fleet.at('again', 'again-1'))
    await fleet.mooring(['import', 'multi-file', fleet.at('again'), '--yes'])
    const first = await fleet.device('again-1')

    const { out, exit } = await fleet.mooring(['import', 'multi-file', fleet.at('again'), '--yes'])

    assert.equal(exit, 0)
    assert.match(out, /^1 folder: 1 there already$/m)
    assert.deepEqual(await fleet.device('again-1'), first)
  })
})

const NO_KEYS = 'it has no keys: the first messages from each contact need a second try'

describe('a tree of folders', () => {
  async function planned(path: string) {
    const { out, err } = await fleet.mooring(['--json', 'import', 'multi-file', path, '--dry-run'])
    assert.equal(err, '')
    const { devices } = JSON.parse(out) as { devices: Record<string, unknown>[] }
    return devices
  }

  test('gives each device its own name, and its parent as well where two names are the same', async () => {
    await aFolder(fleet.at('tree', 'one', 'main'))
    await aFolder(fleet.at('tree', 'two', 'deeper', 'main'))
    await aFolder(fleet.at('tree', 'two', 'other'))

    const devices = await planned(fleet.at('tree'))

    assert.deepEqual(
      devices.map(({ deviceId, intent, notes }) => [deviceId, intent, (notes as string[])[0]]),
      [
        ['one-main', 'import', 'its id here is one-main: another folder is "main", too'],
        ['other', 'import', NO_KEYS],
        ['deeper-main', 'import', 'its id here is deeper-main: another folder is "main", too'],
      ],
    )
  })

  test('takes the second of two devices only once when even their parents are called alike', async () => {
    await aFolder(fleet.at('alike', 'one', 'x', 'main'))
    await aFolder(fleet.at('alike', 'two', 'x', 'main'))

    const [first, second] = await planned(fleet.at('alike'))

    assert.deepEqual([first?.deviceId, first?.intent], ['main', 'import'])
    assert.deepEqual([second?.intent, second?.why], ['skip', `${first?.from} has the same device id`])
  })

  test('tells what is no device of Baileys, and imports the others', async () => {
    await aFolder(fleet.at('mixed', 'shop'))
    mkdirSync(fleet.at('mixed', 'session-1', 'Default', 'IndexedDB'), { recursive: true })
    writeFileSync(fleet.at('mixed', 'session-1', 'Local State'), '')
    execFileSync('mkfifo', [fleet.at('mixed', 'shop', 'session-15550100101.0.json')])

    const [browser, shop] = await planned(fleet.at('mixed'))

    assert.match(String(browser?.why), /the profile of a browser/)
    assert.equal(shop?.why, 'session-15550100101.0.json is a pipe')
  })

  test('with twelve files of 300 MB is refused before one is read', async () => {
    for (let id = 0; id < 12; id += 1) {
      await aFolder(fleet.at('sparse', `s-${id}`))
      truncateSync(fleet.at('sparse', `s-${id}`, 'creds.json'), 300_000_000)
    }

    const devices = await planned(fleet.at('sparse'))

    assert.deepEqual(
      [...new Set(devices.map(({ why }) => why))],
      ['creds.json has 300 MB, and no such file has more than 8'],
    )
  })
})

test('creds that are damaged are imported from the copy beside them, and the report says so', async () => {
  const creds = await aFolder(fleet.at('copied', 'copied-1'))
  renameSync(fleet.at('copied', 'copied-1', 'creds.json'), fleet.at('copied', 'copied-1', 'creds.json.bak'))
  writeFileSync(fleet.at('copied', 'copied-1', 'creds.json'), '')

  const { out } = await fleet.mooring(['import', 'multi-file', fleet.at('copied'), '--yes'])

  assert.match(out, /creds\.json is damaged: it is empty; its copy creds\.json\.bak of .* was taken/)
  assert.match(out, /^1 folder: 1 imported$/m)
  const { state } = await openAuthOf(fleet, 'copied-1')
  assert.deepEqual(asJson(state.creds), asJson(creds))
})

test('the report names the files of a device that are not imported', async () => {
  await aFolder(fleet.at('notes', 'noted'), {
    keys: {
      'app-state-sync-version': {
        regular: {
          version: 1,
          hash: Buffer.alloc(1),
          indexValueMap: {},
          large: incompressible('x'.repeat(600_000)),
        } as never,
      },
    },
  })
  writeFileSync(fleet.at('notes', 'noted', 'session-15550101.0.json'), '')
  writeFileSync(fleet.at('notes', 'noted', 'notes.txt'), 'hello')

  const { out } = await fleet.mooring(['import', 'multi-file', fleet.at('notes'), '--yes'])

  assert.match(out, /notes\.txt is not a file of Baileys/)
  assert.match(out, /session-15550101\.0\.json is damaged/)
  assert.match(out, /app-state-sync-version-regular\.json is too large to be stored; WhatsApp sends it again/)
  assert.match(out, /^1 folder: 1 imported$/m)
})
