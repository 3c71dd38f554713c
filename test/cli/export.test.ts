import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import { deviceId } from '../../core/ids.ts'
import { register } from '../../core/protocol/ownership.ts'
import { start, stop } from '../../core/requests/device-requests.ts'
import { aFolder, keysOfAllTypes, openAuthOf, startTestImport, type TestImport } from './import/builders.ts'

let fleet: TestImport
before(async () => {
  fleet = await startTestImport()
})
after(() => fleet?.close())

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
