/** Wrapping keys of a running fleet: the key file when it is lost and renewed, and KMS. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { type DeviceId, deviceId } from '../../core/ids.ts'
import { dataKeysKey } from '../../core/store/auth-item-row.ts'
import { startKmsStandIn } from '../hosts/auth-state/keys/kms-stand-in.ts'
import { startTestFleet, type TestFleet } from './fleet-under-test.ts'
import { until } from './until.ts'

let fleet: TestFleet
let device: DeviceId

before(async () => {
  fleet = await startTestFleet({ servers: 1 })
  ;[device = deviceId('none')] = await fleet.linkDevices(1, 'locked')
})

after(() => fleet?.close())

async function row() {
  const [found] = await fleet.devices([device])
  assert.ok(found)
  return found
}

async function restart(): Promise<void> {
  const { epoch } = await row()
  await fleet.call('POST', `/devices/${device}/restart`)
  await until('a new epoch', 20_000, async () => (await row()).epoch > epoch)
}

async function wrappedBy(): Promise<string> {
  const { credentialsId } = await row()
  const item = await fleet.store.get('AuthState', { deviceId: device, key: dataKeysKey(credentialsId) })
  return JSON.parse(item?.value ?? '').keys[0].by
}

test('the key file of a local fleet is for its owner alone', () => {
  assert.equal(statSync(fleet.authKeyFile).mode & 0o777, 0o600)
})

test('a device whose key file is lost waits for it, says so, and connects when it is put back', async () => {
  const before = await row()
  renameSync(fleet.authKeyFile, `${fleet.authKeyFile}.lost`)
  await restart()

  const waiting = await until('disconnected', 20_000, async () => {
    const now = await row()
    return now.status === 'disconnected' && now
  })

  assert.match(waiting.statusReason ?? '', /its credentials cannot be read: .*key file .* put it back/)
  const shown = await fleet.call('GET', `/devices/${device}`)
  assert.match(JSON.stringify(shown.body), /its credentials cannot be read/)
  renameSync(`${fleet.authKeyFile}.lost`, fleet.authKeyFile)
  const [connected] = await fleet.untilConnected([device], 90_000)
  assert.equal(connected?.credentialsId, before.credentialsId)
  assert.deepEqual(connected?.account, before.account)
})

test('a new first line of the key file is used from the next connect on, and the old line can go', async () => {
  const older = await wrappedBy()
  const lines = readFileSync(fleet.authKeyFile, 'utf8')
  const newest = `${randomBytes(32).toString('base64')}\n`
  writeFileSync(fleet.authKeyFile, newest + lines)
  await restart()
  await fleet.untilConnected([device])
  assert.notEqual(await wrappedBy(), older)

  writeFileSync(fleet.authKeyFile, newest)
  await restart()

  await fleet.untilConnected([device])
})

test('a server with a KMS key asks KMS for the data key of its device, and uses no file', async () => {
  const kms = await startKmsStandIn()
  const variables = { AUTH_KEY: kms.createKey(), AUTH_KEY_FILE: undefined, AWS_ENDPOINT_URL_KMS: kms.url }
  await fleet.startServer('with-kms', { variables })
  const { serverId } = await fleet.untilActive('with-kms')
  const id = deviceId('by-kms')
  await fleet.call('POST', '/devices', { deviceId: id })
  await fleet.call('POST', `/devices/${id}/reassign`, { serverId })
  const shown = await until('a QR of that server', 20_000, async () => {
    const [now] = await fleet.devices([id])
    return now?.owner === serverId && now.pairing?.qr
  })

  await fleet.simulator.scanQr(shown)

  const [linked] = await fleet.untilConnected([id])
  const context = { deviceId: id, credentialsId: linked?.credentialsId }
  const asked = kms.requests.filter(({ body }) => body.EncryptionContext?.deviceId === id)
  assert.ok(asked.some(({ operation }) => operation === 'Decrypt'))
  assert.deepEqual(asked.at(-1)?.body.EncryptionContext, context)
  // The search of the logs at the end could not open keys that KMS has wrapped.
  await fleet.call('DELETE', `/devices/${id}`)
  await until('erased', 20_000, async () => (await fleet.devices([id])).length === 0)
  await kms.close()
})

test('a server without the key file does not start, and its last words say what to do', async () => {
  const keyless = await fleet.startServer('keyless', { variables: { AUTH_KEY_FILE: '/nowhere/auth-keys' } })

  const { code, lastWords } = await keyless.exited

  assert.equal(code, 1)
  assert.match(lastWords, /key file \/nowhere\/auth-keys cannot be read .* put it back/)
})
