import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import type { DeviceId } from '../../core/ids.ts'
import { beat } from '../../core/protocol/membership.ts'
import { anActiveServer, anOwnedDevice, waitingDevices } from '../builders/builders.ts'
import { API_KEY, startTestControlPlane, type TestControlPlane } from './mooring-command.ts'

/** More than a page. They are registered a few at a time, because a busy machine answers late. */
const WAITING = 205
const AT_ONCE = 41
const HOUR_MS = 3_600_000

let api: TestControlPlane
before(async () => {
  api = await startTestControlPlane()
  await waitingDevices(api, AT_ONCE, 'waiting')
  for (let count = AT_ONCE; count < WAITING; count += AT_ONCE) {
    await waitingDevices(api, AT_ONCE, `waiting-${count}`)
  }
  const server = await anActiveServer(api, 'server-1-abc', { name: 'web-1' })
  await anOwnedDevice(api, server, 'shop-17')
  // No process beats for the server. A beat in the future keeps it from falling silent in the middle of a
  // test.
  await beat(api.store, { ...systemClock, wallMs: () => Date.now() + HOUR_MS }, server.serverId, 0)
})
after(() => api?.close())

async function ask(path: string): Promise<Record<string, unknown>> {
  const answer = await fetch(api.url + path, { headers: { 'x-api-key': API_KEY } })
  return (await answer.json()) as Record<string, unknown>
}

describe('mooring devices', () => {
  test("lists each device's server, and why it is not connected", async () => {
    const { out, exit } = await api.mooring('devices', '--owner', 'web-1')

    assert.match(out, /^DEVICE +NAME +STATUS +OWNER +SINCE +EXPLANATION$/m)
    assert.match(out, /^shop-17 +Phone shop-17 +assigned +web-1 +\d+ s +its server is about to connect it/m)
    assert.match(out, /^1 device$/m)
    assert.equal(exit, 0)
  })

  test('lists a page and says that there are more', async () => {
    const { out } = await api.mooring('devices', '--status', 'unassigned')

    assert.match(out, /^200 devices; there are more: --all lists them$/m)
  })

  test('lists every page when all are asked for', async () => {
    const { out } = await api.mooring('devices', '--status', 'unassigned', '--all', '--json')

    const listed = new Set(JSON.parse(out).devices.map((device: { deviceId: string }) => device.deviceId))
    assert.equal(listed.size, WAITING)
  })

  test('lists the devices that changed recently, by age or by time', async () => {
    const [lately, later] = await Promise.all([
      api.mooring('devices', '--updated-since', '1h', '--owner', 'web-1', '--json'),
      api.mooring('devices', '--updated-since', '2999-01-01T00:00:00Z', '--owner', 'web-1', '--json'),
    ])

    assert.equal(JSON.parse(lately.out).devices.length, 1)
    assert.equal(JSON.parse(later.out).devices.length, 0)
  })

  test('is refused when there is no server of that name', async () => {
    const { err, exit } = await api.mooring('devices', '--owner', 'web-9')

    assert.match(
      err,
      /^SERVER_NOT_FOUND: there is no server "web-9"\. `mooring servers --all` lists the servers/,
    )
    assert.equal(exit, 1)
  })
})

describe('mooring device', () => {
  test("show prints the API's answer, in words or as JSON", async () => {
    const [words, json] = await Promise.all([
      api.mooring('device', 'show', 'shop-17'),
      api.mooring('device', 'show', 'shop-17', '--json'),
    ])

    assert.match(words.out, /^status +assigned$/m)
    assert.match(words.out, /^owner +web-1 \(server-1-abc\)$/m)
    assert.deepEqual(JSON.parse(json.out), await ask('/devices/shop-17'))
  })

  test('a refusal prints its code and words, and ends with exit code 1', async () => {
    const { err, out, exit } = await api.mooring('device', 'show', 'nobody')

    assert.match(err, /^DEVICE_NOT_FOUND: /)
    assert.equal(out, '')
    assert.equal(exit, 1)
  })

  test('a wrong key is refused, with a hint about what to check', async () => {
    const { err, exit } = await api.mooring('device', 'show', 'shop-17', '--key', 'another')

    assert.match(err, /^API_KEY_UNKNOWN: .+Check MOORING_API_KEY or --key/)
    assert.equal(exit, 1)
  })

  test('register gives a device a server, and says how to link it', async () => {
    const { out, exit } = await api.mooring('device', 'register', 'shop-18', '--name', 'Shop 18')

    assert.match(out, /^Registered\. Device "shop-18" is assigned on server "web-1": /)
    assert.match(out, /mooring device pair shop-18/)
    assert.equal(exit, 0)
    assert.equal((await ask('/devices/shop-18')).name, 'Shop 18')
  })

  test('stop, start, restart and logout are asked of the API', async () => {
    await waitingDevices(api, 1, 'requested')
    const desired: string[] = []
    for (const request of ['stop', 'start', 'restart', 'logout']) {
      const { out, exit } = await api.mooring('device', request, 'requested-0', '--json')
      assert.equal(exit, 0, request)
      desired.push(JSON.parse(out).desired)
    }

    assert.deepEqual(desired, ['stopped', 'running', 'running', 'stopped'])
    const { out } = await api.mooring('device', 'history', 'requested-0')
    assert.match(out, /^AT +EVENT +SERVER +EPOCH +WHY$/m)
    assert.match(out, / requested .+logout, with key /)
  })

  test('delete erases a device only under --yes where nobody can be asked', async () => {
    await waitingDevices(api, 1, 'doomed')

    const unconfirmed = await api.mooring('device', 'delete', 'doomed-0')
    const shown = await api.mooring('device', 'show', 'doomed-0')
    const confirmed = await api.mooring('device', 'delete', 'doomed-0', '--yes')
    const gone = await api.mooring('device', 'show', 'doomed-0')

    assert.equal(unconfirmed.exit, 2)
    assert.equal(shown.exit, 0)
    assert.equal(confirmed.exit, 0)
    assert.equal(confirmed.out, 'Device "doomed-0" is deleted.\n')
    assert.equal(gone.exit, 1)
  })
})

describe('mooring device pair', () => {
  test('gives up after its time and says why there was nothing to show', async () => {
    const { err, exit } = await api.mooring('device', 'pair', 'waiting-0', '--timeout', '1')

    assert.match(
      err,
      /^Device "waiting-0" was not linked within 1 second: QR_NOT_READY: device "waiting-0" has no QR code/,
    )
    assert.equal(exit, 1)
  })

  test('draws each QR that the API gives, and prints it unchanged under --json', async () => {
    await offer('waiting-1', 'first-qr')
    const drawing = api.start('device', 'pair', 'waiting-1')
    const printing = api.start('device', 'pair', 'waiting-1', '--json')
    await until(() => printing.out().includes('\n') && drawing.out().includes('Waiting'))

    await offer('waiting-1', 'second-qr')
    await until(() => printing.out().trim().split('\n').length === 2)
    await until(() => drawing.out().split('Scan this with').length === 3)
    for (const { child } of [drawing, printing]) child.kill('SIGINT')

    assert.match(drawing.out(), /█/)
    const printed = printing.out().trim().split('\n')
    assert.deepEqual(
      printed.map((line) => JSON.parse(line).qr),
      ['first-qr', 'second-qr'],
    )
    assert.equal((await drawing.ended).exit, 130)
    assert.equal((await printing.ended).exit, 130)
  })

  test('is refused for a device that is paired', async () => {
    await api.store.update(
      'Devices',
      { deviceId: 'waiting-2' as DeviceId },
      { set: { pairedAt: 1 }, when: [] },
    )

    const { err, exit } = await api.mooring('device', 'pair', 'waiting-2')

    assert.match(err, /^ALREADY_PAIRED: /)
    assert.equal(exit, 1)
  })

  test('ends when the phone has linked the device and it is connected', async () => {
    await offer('waiting-3', 'a-qr')
    const pairing = api.start('device', 'pair', 'waiting-3')
    await until(() => pairing.out().includes('Scan this with'))

    const account = { jid: '15550100123:1@s.whatsapp.net' }
    await api.store.update(
      'Devices',
      { deviceId: 'waiting-3' as DeviceId },
      { set: { pairedAt: api.clock.wallMs(), status: 'connected', account }, remove: ['pairing'], when: [] },
    )

    const { out, exit } = await pairing.ended
    assert.match(
      out,
      /Linked\.\nDevice "waiting-3" is connected on .+, as 15550100123:1@s\.whatsapp\.net\.\n$/,
    )
    assert.equal(exit, 0)
  })
})

async function offer(id: string, qr: string): Promise<void> {
  const since = api.clock.wallMs()
  await api.store.update(
    'Devices',
    { deviceId: id as DeviceId },
    { set: { pairing: { qr, since, expiresAt: since + 60_000 } }, when: [] },
  )
}

async function until(look: () => boolean): Promise<void> {
  for (let looks = 0; looks < 200; looks++) {
    if (look()) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('not within 10 s')
}
