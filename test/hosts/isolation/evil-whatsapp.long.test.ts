/** A real server against a WhatsApp that does wrong and then goes on: the devices come through. */
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import { type DeviceId, deviceId } from '../../../core/ids.ts'
import type { RunningServer } from '../../../hosts/server/server.ts'
import { type Harbour, startHarbour, until } from '../server/server-under-test.ts'

const NUMBERS = { refused: '15550100101', damaged: '15550100102', bystander: '15550100103' } as const

let harbour: Harbour
let server: RunningServer
before(async () => {
  harbour = await startHarbour()
  server = harbour.startServer('web-1')
})
afterEach(() => harbour.simulator.liftAll())
after(() => harbour.close())

const connected = (device: DeviceId) =>
  harbour.rowWhen('connected', device, ({ status }) => status === 'connected')

async function scanned(name: keyof typeof NUMBERS): Promise<DeviceId> {
  const device = deviceId(name)
  await harbour.register(device)
  await harbour.give(device, server)
  const { pairing } = await harbour.rowWhen('a QR', device, (row) => row.pairing?.qr !== undefined)
  await harbour.simulator.scanQr(pairing?.qr ?? '', NUMBERS[name])
  return device
}

test('a device whose login is refused with 503 twice is connected by the third', async () => {
  harbour.simulator.misbehave('*', { what: 'refuse-login', reason: '503' }, { times: 2 })

  await connected(await scanned('refused'))

  assert.equal(harbour.simulator.report().refusedLogins, 2)
})

test('a device that bears its damage keeps its socket, and so does its neighbour', async () => {
  const device = await scanned('damaged')
  await connected(device)
  await connected(await scanned('bystander'))
  const socketOf = (number: string) =>
    harbour.simulator.accounts().find(({ phoneNumber }) => phoneNumber === number)?.connectedTo
  const before = [socketOf(NUMBERS.damaged), socketOf(NUMBERS.bystander)]

  const options = { seed: 2, count: 9, only: 'presence available: stray attribute' }
  const { sent } = await harbour.simulator.damage(NUMBERS.damaged, options, { probeMs: 5000 })

  assert.deepEqual([...new Set(sent.map(({ outcome }) => outcome))], ['alive'])
  assert.deepEqual([socketOf(NUMBERS.damaged), socketOf(NUMBERS.bystander)], before)
})

test('a silence of a second costs no socket', async () => {
  const { logins } = harbour.simulator.report()
  const { id } = harbour.simulator.misbehave('*', { what: 'silence' }, { forMs: 1000 })

  await until(
    'the end of the silence',
    async () => !harbour.simulator.misdeeds().some((one) => one.id === id),
  )

  assert.equal(harbour.simulator.report().logins, logins)
  assert.equal(harbour.simulator.report().openSockets, 3)
})
