/** The command line against a running fleet: each command as an operator types it. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { deviceId } from '../../core/ids.ts'
import { type Running, startMooring } from '../cli/mooring-command.ts'
import { startTestFleet, type TestFleet } from './fleet-under-test.ts'
import { until } from './until.ts'

const SHOP = deviceId('shop-1')

let fleet: TestFleet
before(async () => {
  fleet = await startTestFleet({ servers: 2 })
})
after(async () => {
  await fleet?.close()
})

function start(...args: string[]): Running {
  return startMooring(args, { MOORING_URL: fleet.apiUrl, MOORING_API_KEY: fleet.apiKey })
}

test('a device is registered, shown as a QR, scanned by a phone, and listed as connected', async () => {
  await start('device', 'register', SHOP, '--name', 'The shop').ended
  const pairing = start('device', 'pair', SHOP, '--json')
  const qr = await until('a QR', 20_000, async () => pairing.out().split('\n').length > 1 && pairing.out())
  await fleet.simulator.scanQr(JSON.parse(qr.split('\n')[0] ?? '').qr)

  const paired = await pairing.ended
  const listed = await start('devices').ended

  assert.equal(paired.exit, 0)
  assert.equal(JSON.parse(paired.out.trim().split('\n').at(-1) ?? '').status, 'connected')
  assert.match(listed.out, /^shop-1 +The shop +connected +server-[12] /m)
})

test('a device is linked by the code that the command shows for a phone', async () => {
  const phone = '15550100177'
  await start('device', 'register', 'by-code').ended
  const pairing = start('device', 'pair', 'by-code', '--phone', `+${phone}`)
  const code = await until(
    'a code',
    20_000,
    async () => /^ {4}(\w{4})-(\w{4})$/m.exec(pairing.out()) ?? undefined,
  )
  await fleet.simulator.enterCode(phone, `${code[1]}${code[2]}`)

  const paired = await pairing.ended

  assert.equal(paired.exit, 0, paired.err)
  assert.match(paired.out, /Linked\.\nDevice "by-code" is connected on server "server-[12]", as 15550100177/)
  assert.equal((await start('device', 'delete', 'by-code', '--yes').ended).exit, 0)
  await until('no device', 20_000, async () => (await fleet.devices([deviceId('by-code')])).length === 0)
})

test('a drain is shown by a dry run, begun, and followed until the server has no device', async () => {
  const [row] = await fleet.untilConnected([SHOP])
  const from = (await fleet.activeServers()).find(({ serverId }) => serverId === row?.owner)?.name ?? ''

  const told = await start('server', 'drain', from, '--dry-run').ended
  const watched = await start('watch', '--count', '1').ended
  const drained = await start('server', 'drain', from, '--stay', '--wait', '--timeout', '60').ended

  assert.match(told.out, /^shop-1 +1 +server-[12] +[\d.]+ s$/m)
  assert.match(watched.out, / {2}1 of 1 device connected {2}/)
  assert.equal(drained.exit, 0)
  assert.equal(drained.err, '')
  assert.match(drained.out, /1 of 1 device moved, 0 under way, 0 left/)
  const [moved] = await fleet.untilConnected([SHOP])
  assert.notEqual(moved?.owner, row?.owner)
  fleet.assertNeverTwoSockets()
})

test('a device is moved to the named server, and its operation is followed until the device is there', async () => {
  const [row] = await fleet.untilConnected([SHOP])
  const to = await fleet.startServer('server-3')
  await until('server-3 active', 20_000, async () =>
    (await fleet.activeServers()).some(({ name }) => name === to.name),
  )

  const moved = await start('device', 'reassign', SHOP, 'server-3', '--wait', '--json').ended

  assert.equal(moved.exit, 0, moved.err)
  assert.equal(JSON.parse(moved.out).state, 'done')
  const [settled] = await fleet.untilConnected([SHOP])
  assert.notEqual(settled?.owner, row?.owner)
  fleet.assertNeverTwoSockets()
})
