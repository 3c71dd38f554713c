/** Pairing by code, texts across the death of a server, and what a device does after each close code. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { deviceId } from '../../core/ids.ts'
import { startTestFleet, type TestFleet } from './fleet-under-test.ts'
import { until } from './until.ts'

const PHONE = '15550100199'

let fleet: TestFleet

before(async () => {
  fleet = await startTestFleet({ servers: 2 })
})

after(async () => {
  await fleet?.close()
})

test('a code of 8 characters that a person types into the phone links the device', async () => {
  const id = deviceId('by-code')
  await fleet.call('POST', '/devices', { deviceId: id })
  await until('a QR', 20_000, async () => (await fleet.devices([id]))[0]?.pairing?.qr !== undefined)
  const answer = await fleet.call('POST', `/devices/${id}/pairing-code`, { phoneNumber: PHONE })
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  await fleet.simulator.enterCode(PHONE, String(answer.body.code))
  const [row] = await fleet.untilConnected([id])
  assert.ok(row?.account?.jid.startsWith(PHONE))
})

test('a pairing code that nobody types leaves no half-paired credentials', async () => {
  const id = deviceId('abandoned')
  await fleet.call('POST', '/devices', { deviceId: id })
  await until('a QR', 20_000, async () => (await fleet.devices([id]))[0]?.pairing?.qr !== undefined)
  const [before] = await fleet.devices([id])
  const code = await fleet.call('POST', `/devices/${id}/pairing-code`, { phoneNumber: '15550100198' })
  assert.equal(code.status, 200, JSON.stringify(code.body))
  await fleet.call('POST', `/devices/${id}/restart`)
  const row = await until('a fresh QR', 20_000, async () => {
    const [now] = await fleet.devices([id])
    return now?.pairing?.qr !== undefined && now
  })
  assert.notEqual(row.credentialsId, before?.credentialsId)
  await fleet.simulator.scanQr(row.pairing?.qr ?? '')
  const [linked] = await fleet.untilConnected([id])
  assert.ok(!linked?.account?.jid.startsWith('15550100198'))
})

test('texts reach a connected device, and after its move a device whose server was killed', async () => {
  const ids = await fleet.linkDevices(4, 'texted')
  const rows = await fleet.devices(ids)
  for (const row of rows) await fleet.simulator.text(row.account?.jid ?? '', 'ahoy')
  await until('received', 20_000, async () => fleet.simulator.accounts().every((one) => one.queued === 0))
  const [victim] = await fleet.activeServers()
  assert.ok(victim)
  fleet.processOf(victim.name).signal('SIGKILL')
  for (const row of rows) await fleet.simulator.text(row.account?.jid ?? '', 'still there?')
  await fleet.untilConnected(ids)
  await until('received', 20_000, async () => fleet.simulator.accounts().every((one) => one.queued === 0))
  assert.equal(fleet.simulator.report().messages.nacked, 0)
  fleet.assertNeverTwoSockets()
})

test('a device that the phone unlinks is logged out, and its credentials are archived instead of erased', async () => {
  const [id = deviceId('none')] = await fleet.linkDevices(1, 'unlinked')
  const [linked] = await fleet.devices([id])
  fleet.simulator.breakConnection(linked?.account?.jid ?? '', '401')
  const row = await until('logged out', 20_000, async () => {
    const [now] = await fleet.devices([id])
    return now?.status === 'logged_out' && now
  })
  assert.notEqual(row.credentialsId, linked?.credentialsId)
  const archived = await fleet.store.get('AuthState', { deviceId: id, key: `${linked?.credentialsId}/creds` })
  assert.ok(archived?.value)
})

for (const code of ['408', '428', '500', '503', '515', 'reset'] as const) {
  test(`a device whose socket WhatsApp closes with ${code} connects again by itself`, async () => {
    const [id = deviceId('none')] = await fleet.linkDevices(1, `closed-with-${code}`)
    const [before] = await fleet.devices([id])
    fleet.simulator.breakConnection(before?.account?.jid ?? '', code)
    await until(
      'a new epoch',
      20_000,
      async () => ((await fleet.devices([id]))[0]?.epoch ?? 0) > (before?.epoch ?? 0),
    )
    await fleet.untilConnected([id])
  })
}

for (const code of ['403', '411'] as const) {
  test(`a device whose socket WhatsApp closes with ${code} stops and says why`, async () => {
    const [id = deviceId('none')] = await fleet.linkDevices(1, `refused-with-${code}`)
    const [before] = await fleet.devices([id])
    fleet.simulator.breakConnection(before?.account?.jid ?? '', code)
    const row = await until('stopped', 20_000, async () => {
      const [now] = await fleet.devices([id])
      return now?.status === 'stopped' && now
    })
    assert.match(row.statusReason ?? '', new RegExp(code))
    assert.equal(row.owner, undefined)
  })
}
