import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { systemClock } from '../../../core/clock.ts'
import { deviceId, serverId } from '../../../core/ids.ts'
import { claim, permit, register } from '../../../core/protocol/ownership.ts'
import { aFolder, startTestImport, type TestImport } from './builders.ts'

let fleet: TestImport
before(async () => {
  fleet = await startTestImport()
})
after(() => fleet?.close())

const connect = async (id: string) => {
  const server = { serverId: serverId('server-1'), name: 'server-1' }
  const device = deviceId(id)
  await claim(fleet.store, systemClock, { device, server, claimId: 'c', keepHome: false, moved: false })
  await permit(fleet.store, systemClock, device, server.serverId)
}

test('undo takes back what has not connected, leaves what has, and does not touch other runs', async () => {
  const stopped = { credentialsId: 'c', stoppedBecause: 'by hand' }
  await register(fleet.store, systemClock, { deviceId: deviceId('u-3'), name: 'By hand', ...stopped })
  for (const id of ['u-1', 'u-2', 'u-3']) await aFolder(fleet.at('night', id))
  await aFolder(fleet.at('other', 'o-1'))
  const night = ['import', 'multi-file', fleet.at('night'), '--yes']
  assert.equal((await fleet.mooring([...night, '--name', 'night-1'])).exit, 0)
  assert.equal((await fleet.mooring(['import', 'multi-file', fleet.at('other'), '--yes'])).exit, 0)
  await connect('u-2')

  const dry = await fleet.mooring(['import', 'undo', 'night-1', '--dry-run'])
  const unasked = await fleet.mooring(['import', 'undo', 'night-1'])
  const undone = await fleet.mooring(['import', 'undo', 'night-1', '--yes'])
  const json = await fleet.mooring(['--json', 'import', 'undo', 'night-1', '--yes'])

  assert.equal(dry.exit, 0)
  assert.match(dry.out, /u-2 +stays +a server has it.*\n\n3 devices: 2 to undo, 1 stay/)
  assert.equal(unasked.exit, 2)
  assert.equal(undone.exit, 1)
  assert.match(undone.out, /^3 devices: 2 undone, 1 stay$/m)
  assert.equal(await fleet.device('u-1'), undefined)
  assert.equal((await fleet.device('u-2'))?.owner, 'server-1')
  assert.equal((await fleet.device('u-3'))?.pairedAt, undefined)
  assert.equal((await fleet.device('u-3'))?.desired, 'stopped')
  assert.ok((await fleet.device('o-1'))?.pairedAt)
  assert.deepEqual(
    JSON.parse(json.out).devices.map(({ outcome }: { outcome: string }) => outcome),
    ['kept'],
  )
  const again = await fleet.mooring([...night, '--name', 'night-2'])
  assert.match(again.out, /^3 folders: 2 imported, 1 there already$/m)
})

test('undo of a name that no device has says so', async () => {
  const { exit, err } = await fleet.mooring(['import', 'undo', 'nothing-1', '--yes'])

  assert.equal(exit, 1)
  assert.match(err, /No device of the fleet is left of an import named "nothing-1"/)
})
