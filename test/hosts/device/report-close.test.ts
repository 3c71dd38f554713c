import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { MooringError } from '../../../core/errors.ts'
import { classify, reportClosed, reportUnreadable } from '../../../hosts/device/report-close.ts'
import { noteOpened } from '../../../hosts/device/socket-state.ts'
import * as build from '../../builders/builders.ts'
import { WALL_START_MS } from '../../builders/manual-clock.ts'
import { aSocketState, DECIDED } from './socket-scene.ts'

let tables: build.Tables

before(async () => {
  tables = await build.embeddedTables()
})
after(() => tables.close())

async function aClosed(code: number, isOpened = true) {
  const scene = await aSocketState(tables)
  if (isOpened) noteOpened(scene.state)
  const closing = { code, reason: 'it broke' }
  await reportClosed(scene.state, closing, classify(scene.state, closing), DECIDED)
  return { ...scene, row: await scene.stored() }
}

describe('the report of a close', () => {
  test('tells that the device is disconnected, since when, and when it is tried again', async () => {
    const { row, base } = await aClosed(428)

    assert.equal(row.status, 'disconnected')
    assert.equal(row.disconnectedAt, WALL_START_MS)
    assert.equal(row.retryAt, WALL_START_MS + 5000)
    assert.equal(base.told('device.disconnected').length, 1)
  })

  test('keeps the time of the last disconnect when the socket had never opened', async () => {
    const { row } = await aClosed(428, false)

    assert.equal(row.disconnectedAt, undefined)
  })

  test('of a conflict adds the conflict to the row', async () => {
    const { row } = await aClosed(440)

    assert.equal(row.conflicts?.length, 1)
  })

  test('of a client that WhatsApp refuses keeps the time that no server may undercut', async () => {
    const { row } = await aClosed(405)

    assert.equal(row.refusedUntil, WALL_START_MS + 5000)
    assert.notEqual(row.refusal, undefined)
  })
})

describe('the facts of a close', () => {
  test('say that a device with no phone was never accepted when it is logged out', async () => {
    const { state } = await aSocketState(tables)

    assert.equal(classify(state, { code: 401, reason: 'logged out' }).wasNeverAccepted, true)
  })

  test('say that a pairing is unproven until a socket has opened after it', async () => {
    const { state } = await aSocketState(tables, { pairedAt: WALL_START_MS })
    const closing = { code: 401, reason: 'logged out' }

    assert.equal(classify(state, closing).unproven, true)
    noteOpened(state)
    assert.equal(classify(state, closing).unproven, false)
  })
})

describe('credentials that cannot be read', () => {
  test('are told in the row, with the time of the next try', async () => {
    const { state, stored } = await aSocketState(tables)

    await reportUnreadable(state, new MooringError('CREDENTIALS_UNREADABLE', 'a torn row'))

    const row = await stored()
    assert.equal(row.statusReason, 'its credentials cannot be read: a torn row')
    assert.equal(row.retryAt, WALL_START_MS + 5000)
  })
})
