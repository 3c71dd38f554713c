import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import { deviceId } from '../../core/ids.ts'
import { register } from '../../core/protocol/ownership.ts'
import { start, stop } from '../../core/requests/device-requests.ts'
import { readWholeState } from '../../hosts/auth-state/whole-state.ts'
import { aFolder, keysOfAllTypes, openAuthOf, startTestImport, type TestImport } from './import/builders.ts'

let fleet: TestImport
before(async () => {
  fleet = await startTestImport()
})
after(() => fleet?.close())

/** The name that Baileys gives the file of a key. */
function nameInFolder(key: string): string {
  return `${key.replaceAll('/', '__').replaceAll(':', '-')}.json`
}

function contents(folder: string): Record<string, unknown> {
  return Object.fromEntries(
    readdirSync(folder).map((file) => [file, JSON.parse(readFileSync(`${folder}/${file}`, 'utf8'))]),
  )
}

describe('mooring export', () => {
  test('writes back what was imported, readable by the owner of the files alone', async () => {
    await aFolder(fleet.at('there', 'back-1'), { keys: keysOfAllTypes() })
    await fleet.mooring(['import', 'multi-file', fleet.at('there'), '--yes', '--stopped'])
    const before = await fleet.device('back-1')

    const { out, exit } = await fleet.mooring(['export', 'back-1', fleet.at('out', 'back-1'), '--yes'])

    assert.equal(exit, 0)
    assert.match(out, /two live copies conflict.*ratchets are then old, and sessions break/)
    assert.deepEqual(contents(fleet.at('out', 'back-1')), contents(fleet.at('there', 'back-1')))
    const modes = readdirSync(fleet.at('out', 'back-1')).map(
      (file) => statSync(fleet.at('out', 'back-1', file)).mode & 0o777,
    )
    assert.deepEqual([...new Set(modes)], [0o600])
    assert.deepEqual(await fleet.device('back-1'), before)
  })

  test('raises no fence: the device starts again under its next epoch', async () => {
    await openAuthOf(fleet, 'back-1')
    const items = () => fleet.store.query('AuthState', { partition: 'back-1' })
    const before = await items()

    await fleet.mooring(['export', 'back-1', fleet.at('out', 'back-1-again'), '--yes'])

    assert.deepEqual(await items(), before)
  })

  test('is refused while the device is not stopped', async () => {
    await start(fleet.store, systemClock, deviceId('back-1'))

    const { err, exit } = await fleet.mooring(['export', 'back-1', fleet.at('out', 'no'), '--yes'])

    assert.equal(exit, 1)
    assert.match(err, /^DEVICE_NOT_STOPPED: device "back-1" is not stopped; stop it first/)
  })

  test('is refused for a folder that is not empty', async () => {
    await stop(fleet.store, systemClock, deviceId('back-1'), 'test')

    const { err, exit } = await fleet.mooring(['export', 'back-1', fleet.at('out', 'back-1'), '--yes'])

    assert.equal(exit, 2)
    assert.match(err, /not an empty folder/)
  })

  test('writes rows instead: one for the creds, and one for each key under its type and id as they are', async () => {
    const file = fleet.at('out', 'back-1.jsonl')

    const { out, exit } = await fleet.mooring(['export', 'back-1', '--rows', file, '--yes'])

    const rows = readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { session: string; key: string; value: string })
    const folder = contents(fleet.at('there', 'back-1'))
    assert.equal(exit, 0)
    assert.match(out, new RegExp(`: ${rows.length} rows, readable by you alone`))
    assert.deepEqual([...new Set(rows.map(({ session }) => session))], ['back-1'])
    assert.deepEqual(
      Object.fromEntries(rows.map(({ key, value }) => [nameInFolder(key), JSON.parse(value)])),
      folder,
    )
    assert.ok(rows.some(({ key }) => key === 'app-state-sync-key-AA/+//A='))
    assert.equal(statSync(file).mode & 0o777, 0o600)
  })

  test('asks for one target, not for none or two', async () => {
    const none = await fleet.mooring(['export', 'back-1', '--yes'])
    const two = await fleet.mooring(['export', 'back-1', fleet.at('out', 'x'), '--rows', 'y', '--yes'])

    assert.match(none.err, /Name either a folder, or a file of rows/)
    assert.match(two.err, /Name either a folder, or a file of rows/)
  })

  test('to a folder is refused whole when two ids would share a file; the rows take them', async () => {
    await aFolder(fleet.at('there', 'twins'))
    await fleet.mooring(['import', 'multi-file', fleet.at('there', 'twins'), '--yes', '--stopped'])
    const { keys } = await openAuthOf(fleet, 'twins').then(({ state }) => state)
    await keys.set({ 'lid-mapping': { 'a:b': '1', 'a-b': '2' } })

    const folder = await fleet.mooring(['export', 'twins', fleet.at('twins', 'out'), '--yes'])
    const rows = await fleet.mooring(['export', 'twins', '--rows', fleet.at('twins', 'rows'), '--yes'])

    assert.equal(folder.exit, 1)
    assert.match(folder.err, /lid-mapping "a-b" and lid-mapping "a:b".+Nothing was written\. .+--rows/)
    assert.deepEqual(readdirSync(fleet.at('twins')), ['rows'])
    assert.equal(rows.exit, 0)
  })

  test('is refused for a device that does not exist, or that is not linked', async () => {
    await register(fleet.store, systemClock, {
      deviceId: deviceId('bare'),
      name: 'bare',
      credentialsId: 'c',
      stoppedBecause: 'test',
    })

    const none = await fleet.mooring(['export', 'nobody', fleet.at('out', 'none'), '--yes'])
    const bare = await fleet.mooring(['export', 'bare', fleet.at('out', 'none'), '--yes'])

    assert.match(none.err, /^DEVICE_NOT_FOUND/)
    assert.match(bare.err, /nothing to export/)
  })
})

describe('what was exported comes in again equal', () => {
  const ways = [
    {
      way: 'as a folder',
      out: (path: string) => [path],
      back: (path: string) => ['import', 'multi-file', path],
    },
    {
      way: 'as rows',
      out: (path: string) => ['--rows', path],
      back: (path: string) => ['import', 'key-rows', path],
    },
  ]
  for (const { way, out, back } of ways) {
    test(way, async () => {
      const other = await startTestImport()
      try {
        const path = fleet.at(way, 'back-1')
        await fleet.mooring(['export', 'back-1', ...out(path), '--yes'])

        const { exit } = await other.mooring([...back(path), '--yes', '--stopped'])

        assert.equal(exit, 0)
        assert.deepEqual(await wholeStateOf(other), await wholeStateOf(fleet))
      } finally {
        await other.close()
      }
    })
  }
})

async function wholeStateOf(of: TestImport): Promise<unknown> {
  const row = await of.device('back-1')
  assert.ok(row)
  return readWholeState(of, { device: row.deviceId, credentialsId: row.credentialsId })
}
