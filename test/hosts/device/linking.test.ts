import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { answerPairingCode, offersQr, onPaired } from '../../../hosts/device/linking.ts'
import { noteQr } from '../../../hosts/device/socket-state.ts'
import * as build from '../../builders/builders.ts'
import { WALL_START_MS } from '../../builders/manual-clock.ts'
import { fakeAuth } from '../host-world.ts'
import { aSocketState, PAIRING_LIMIT_MS } from './socket-scene.ts'

const REQUESTS_CODE = {
  pairingCodeRequest: { requestId: 'request-1', phoneNumber: '15550100', at: WALL_START_MS },
}

let tables: build.Tables

before(async () => {
  tables = await build.embeddedTables()
})
after(() => tables.close())

describe('a socket that links a device', () => {
  test('writes each QR into the row, with the time when it expires', async () => {
    const { state, stored } = await aSocketState(tables)

    offersQr(state, 'qr-1', 20_000)

    const { status, pairing } = await stored()
    assert.equal(status, 'pairing')
    assert.equal(pairing?.qr, 'qr-1')
    assert.equal(pairing?.expiresAt, WALL_START_MS + 20_000)
  })

  test('answers a request for a code, and no QR takes the place of the code', async () => {
    const { state, stored, asked } = await aSocketState(tables, REQUESTS_CODE)

    offersQr(state, 'qr-1', 20_000)
    offersQr(state, 'qr-2', 20_000)
    await new Promise(setImmediate)

    const { pairing, pairingRequestId } = await stored()
    assert.equal(pairing?.code, 'ABCD1234')
    assert.equal(pairing?.qr, undefined)
    assert.equal(pairingRequestId, 'request-1')
    assert.deepEqual(asked, ['code for 15550100'])
  })

  test('makes way for a new one when too little time is left to type a code', async () => {
    const { base, state, asked } = await aSocketState(tables, REQUESTS_CODE)
    noteQr(state)
    base.clock.advance(100_001)

    await answerPairingCode(state, state.reports.row())

    assert.equal(state.closing, 'asked')
    assert.deepEqual(asked, ['close'])
  })

  test('is closed when nobody links the device in time, and the row offers nothing', async () => {
    const { base, state, stored } = await aSocketState(tables)
    offersQr(state, 'qr-1', 20_000)

    base.clock.advance(PAIRING_LIMIT_MS)

    assert.equal(state.closing, 'unlinked')
    assert.equal((await stored()).pairing, undefined)
    assert.equal(base.told('device.pairing_timed_out').length, 1)
  })

  test('stores the credentials before the row says that the device is linked', async () => {
    const { state, stored } = await aSocketState(tables)
    const saved: unknown[] = []
    const auth = { ...fakeAuth(), saveCreds: async () => void saved.push((await stored()).pairedAt) }

    await onPaired(state, auth, { jid: '15550100@s.whatsapp.net' } as never)

    assert.deepEqual(saved, [undefined])
    assert.equal((await stored()).pairedAt, WALL_START_MS)
  })
})
