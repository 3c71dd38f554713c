import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  attributed,
  close,
  cut,
  endWork,
  giveUpAfter,
  hasOpened,
  noteOpened,
  startDelivering,
} from '../../../hosts/device/socket-state.ts'
import * as build from '../../builders/builders.ts'
import { aSocketState } from './socket-scene.ts'

let tables: build.Tables

before(async () => {
  tables = await build.embeddedTables()
})
after(() => tables.close())

describe('the state of a socket', () => {
  test('counts a device as linked once the socket has logged in', async () => {
    const { state } = await aSocketState(tables)
    assert.equal(hasOpened(state), false)
    assert.equal(state.paired, false)

    noteOpened(state)

    assert.equal(hasOpened(state), true)
    assert.equal(state.paired, true)
  })

  test('keeps the time of the first login', async () => {
    const { base, state } = await aSocketState(tables)
    noteOpened(state)
    const first = state.openedAt

    base.clock.advance(1000)
    noteOpened(state)

    assert.equal(state.openedAt, first)
  })

  test('keeps the first reason to close', async () => {
    const { state, asked } = await aSocketState(tables)

    close(state, 'unlinked')
    close(state, 'asked')
    cut(state)

    assert.equal(state.closing, 'unlinked')
    assert.deepEqual(asked, ['close', 'close', 'cut'])
  })

  test('closes the socket as stale when a report is refused', async () => {
    const { state, asked, takeAway } = await aSocketState(tables)
    await takeAway()

    await state.reports.say({ set: { statusReason: 'from the past' } })

    assert.equal(state.closing, 'stale')
    assert.deepEqual(asked, ['close'])
  })

  test('gives up at the later time when it is set again, and never after the close', async () => {
    const { base, state } = await aSocketState(tables)
    const givenUp: string[] = []
    giveUpAfter(state, 1000, () => givenUp.push('first'))
    giveUpAfter(state, 2000, () => givenUp.push('second'))
    base.clock.advance(2000)
    giveUpAfter(state, 1000, () => givenUp.push('after the close'))

    endWork(state)
    base.clock.advance(5000)

    assert.deepEqual(givenUp, ['second'])
    assert.equal(state.closed.signal.aborted, true)
  })

  test('cuts the socket at a fault, and keeps the words of the first', async () => {
    const { state, asked } = await aSocketState(tables)
    const { fault } = attributed(state)

    fault(new Error('the first'))
    fault(new Error('the second'))

    assert.match(state.fault ?? '', /the first/)
    assert.equal(asked[0], 'cut')
  })

  test('hears no fault after the close', async () => {
    const { state, asked } = await aSocketState(tables)
    endWork(state)

    attributed(state).fault(new Error('late'))

    assert.equal(state.fault, undefined)
    assert.deepEqual(asked, [])
  })

  test('starts to hand messages over once', async () => {
    const { state } = await aSocketState(tables)
    let started = 0
    const start = async () => void started++

    startDelivering(state, start)
    startDelivering(state, start)

    assert.equal(started, 1)
  })
})
