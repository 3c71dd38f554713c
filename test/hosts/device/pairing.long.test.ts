import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '../../../core/clock.ts'
import { type DeviceId, deviceId } from '../../../core/ids.ts'
import { requestMove, requestPairingCode, restart, start } from '../../../core/requests/device-requests.ts'
import type { RunningServer } from '../../../hosts/server/server.ts'
import { type Harbour, startHarbour } from '../server/server-under-test.ts'

const QR_VALID_MS = 600
const TIMEOUT_MS = 2500

let harbour: Harbour
let patient: RunningServer
let quick: RunningServer
let impatient: RunningServer
before(async () => {
  harbour = await startHarbour()
  patient = harbour.startServer('patient')
  quick = harbour.startServer('quick', { qrValidMs: QR_VALID_MS })
  impatient = harbour.startServer('impatient', { pairingTimeoutMs: TIMEOUT_MS })
})
after(() => harbour.close())

async function pairing(id: string, server: RunningServer): Promise<DeviceId> {
  const device = deviceId(id)
  await harbour.register(device)
  await harbour.give(device, server)
  await harbour.rowWhen('a QR', device, ({ pairing }) => pairing?.qr !== undefined)
  return device
}

const connected = (device: DeviceId) =>
  harbour.rowWhen('connected', device, ({ status }) => status === 'connected')

async function askCode(device: DeviceId, server: RunningServer, phoneNumber: string): Promise<string> {
  await requestPairingCode(harbour.store, systemClock, device, { phoneNumber, requestId: `of-${device}` })
  server.ring()
  const row = await harbour.rowWhen('a code', device, ({ pairing }) => pairing?.code !== undefined)
  return row.pairing?.code ?? ''
}

describe('a QR', () => {
  test("is renewed in the device's row as WhatsApp rotates it, and tells when it expires", async () => {
    const device = await pairing('renewed', quick)
    const { pairing: first } = await harbour.row(device)

    const { pairing: second } = await harbour.rowWhen('the next QR', device, (row) => {
      return row.pairing?.qr !== undefined && row.pairing.qr !== first?.qr
    })

    for (const shown of [first, second]) {
      assert.equal((shown?.expiresAt ?? 0) - (shown?.since ?? 0), QR_VALID_MS)
    }
    assert.ok((second?.since ?? 0) >= (first?.expiresAt ?? 0) - 50)
    await harbour.simulator.scanQr(second?.qr ?? '')
    await connected(device)
  })

  test('is replaced over a new socket when WhatsApp has no more QRs', async () => {
    const device = await pairing('used-up', quick)
    const { epoch } = await harbour.row(device)

    const row = await harbour.rowWhen('a QR of the next socket', device, (now) => {
      return now.epoch > epoch && now.pairing?.qr !== undefined
    })

    assert.equal(row.status, 'pairing')
    await harbour.simulator.scanQr(row.pairing?.qr ?? '')
    await connected(device)
  })

  test('belongs to the server and the epoch that began it: after a move it links nothing any more', async () => {
    const device = await pairing('moved', patient)
    const before = await harbour.row(device)
    await requestMove(harbour.store, systemClock, {
      device,
      from: patient.serverId,
      to: 'any',
      why: 'a test',
    })
    patient.ring()
    const free = await harbour.rowWhen('released', device, ({ owner }) => owner === undefined)
    assert.equal(free.pairing, undefined)

    await harbour.give(device, quick)
    const row = await harbour.rowWhen('a QR', device, (now) => now.pairing?.qr !== undefined)

    assert.ok(row.epoch > before.epoch)
    await assert.rejects(harbour.simulator.scanQr(before.pairing?.qr ?? ''), { code: 'QR_NOT_VALID' })
    await harbour.simulator.scanQr(row.pairing?.qr ?? '')
    const linked = await connected(device)
    assert.equal(linked.owner, quick.serverId)
  })
})

describe('a device that nobody links', () => {
  test('is stopped in time, says why, and holds no server and no socket', async () => {
    const device = await pairing('alone', impatient)
    const { pairing: shown } = await harbour.row(device)
    assert.ok((shown?.expiresAt ?? 0) - (shown?.since ?? 0) <= TIMEOUT_MS, 'the QR lives no longer than that')

    const row = await harbour.rowWhen('stopped', device, ({ status }) => status === 'stopped')

    assert.equal(row.desired, 'stopped')
    assert.equal(row.statusReason, 'nobody linked it within 2.5 s; start it to try again')
    assert.equal(row.owner, undefined)
    assert.equal(row.pairing, undefined)
    await assert.rejects(harbour.simulator.scanQr(shown?.qr ?? ''), { code: 'QR_NOT_VALID' })
    const took = Date.now() - (shown?.since ?? 0)
    assert.ok(took >= TIMEOUT_MS - 100 && took < TIMEOUT_MS + 2000, `${took} ms`)
  })

  test('gets the whole time again when it is started', async () => {
    const device = await pairing('again', impatient)
    await harbour.rowWhen('stopped', device, ({ status }) => status === 'stopped')

    await start(harbour.store, systemClock, device)
    await harbour.give(device, impatient)

    const row = await harbour.rowWhen('a QR', device, ({ pairing }) => pairing?.qr !== undefined)
    await harbour.simulator.scanQr(row.pairing?.qr ?? '')
    await connected(device)
  })

  test('is waited for over as many sockets as it takes, until the time is over', async () => {
    const both = harbour.startServer('both', { qrValidMs: 100, pairingTimeoutMs: 4000 })
    const device = await pairing('patience', both)
    const { epoch } = await harbour.row(device)

    const row = await harbour.rowWhen('stopped', device, ({ status }) => status === 'stopped')

    // each socket shows six QRs, and each connect and the release raise the epoch
    assert.ok(row.epoch > epoch + 2, `${row.epoch - epoch} epochs`)
    assert.match(row.statusReason ?? '', /nobody linked it within 4 s/)
  })
})

describe('a pairing code', () => {
  test('that is requested begins the time again, since a person is there', async () => {
    const device = await pairing('code-late', impatient)
    const { pairing: shown } = await harbour.row(device)
    await new Promise((resolve) => setTimeout(resolve, TIMEOUT_MS - 800))
    const code = await askCode(device, impatient, '15550100131')
    await new Promise((resolve) => setTimeout(resolve, 1200))
    assert.ok(Date.now() > (shown?.since ?? 0) + TIMEOUT_MS)

    await harbour.simulator.enterCode('15550100131', code)

    await connected(device)
  })

  test('that nobody types in time leaves no half-paired credentials: the next start has fresh ones', async () => {
    const device = await pairing('code-abandoned', impatient)
    await askCode(device, impatient, '15550100132')
    const stopped = await harbour.rowWhen('stopped', device, ({ status }) => status === 'stopped')
    assert.equal(stopped.pairingCodeRequest, undefined)

    await start(harbour.store, systemClock, device)
    await harbour.give(device, impatient)
    const row = await harbour.rowWhen('a QR', device, ({ pairing }) => pairing?.qr !== undefined)

    assert.notEqual(row.credentialsId, stopped.credentialsId)
    await harbour.simulator.scanQr(row.pairing?.qr ?? '', '15550100133')
    const linked = await connected(device)
    assert.match(linked.account?.jid ?? '', /^15550100133/)
  })

  test('that is typed wrongly links nothing, may be typed again, and leaves nothing half-paired', async () => {
    const device = await pairing('code-wrong', patient)
    const { credentialsId } = await harbour.row(device)
    const code = await askCode(device, patient, '15550100134')
    const wrong = code === 'AAAAAAAA' ? 'BBBBBBBB' : 'AAAAAAAA'

    await assert.rejects(harbour.simulator.enterCode('15550100134', wrong), { code: 'WRONG_CODE' })
    assert.equal((await harbour.row(device)).pairedAt, undefined)
    await restart(harbour.store, systemClock, device)
    patient.ring()

    const row = await harbour.rowWhen('fresh credentials', device, (now) => {
      return now.credentialsId !== credentialsId && now.pairing?.qr !== undefined
    })
    await harbour.simulator.scanQr(row.pairing?.qr ?? '', '15550100135')
    const linked = await connected(device)
    assert.match(linked.account?.jid ?? '', /^15550100135/)
  })
})
