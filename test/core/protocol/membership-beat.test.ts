import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { serverId } from '../../../core/ids.ts'
import {
  activate,
  announce,
  beat,
  bury,
  buryExited,
  drain,
  leave,
  reserve,
} from '../../../core/protocol/membership.ts'
import { anActiveServer, newcomer, serverRow } from '../../builders/builders.ts'
import { fresh } from '../../builders/fresh.ts'

const t = fresh()

describe('beat', () => {
  test('raises the beat by one and answers with state and assignmentSeq', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    await reserve(t.store, web1, 3)

    const first = await beat(t.store, t.clock, web1.serverId, 7)
    const second = await beat(t.store, t.clock, web1.serverId, 8)

    assert.equal(first?.beat, 1)
    assert.equal(second?.beat, 2)
    assert.equal(second?.state, 'active')
    assert.equal(second?.assignmentSeq, 1)
    assert.equal(second?.connected, 8)
  })

  test('moves the time at which the row expires', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    t.clock.advance(60_000)

    const row = await beat(t.store, t.clock, web1.serverId, 0)

    assert.equal(row?.beatAt, web1.beatAt + 60_000)
    assert.equal(row?.expiresAt, web1.expiresAt + 60)
  })

  test('of a draining server is accepted', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    await drain(t.store, web1.serverId)

    assert.equal((await beat(t.store, t.clock, web1.serverId, 0))?.state, 'draining')
  })

  test('of a dead server is refused, every time', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    await bury(t.store, web1)

    assert.equal(await beat(t.store, t.clock, web1.serverId, 0), undefined)
    assert.equal(await beat(t.store, t.clock, web1.serverId, 0), undefined)
    assert.equal((await serverRow(t.store, 'web-1')).state, 'dead')
  })

  test('of a server without a row is refused and makes none', async () => {
    assert.equal(await beat(t.store, t.clock, serverId('nobody'), 0), undefined)
    assert.equal(await t.store.get('Servers', { serverId: serverId('nobody') }), undefined)
  })
})

describe('bury', () => {
  test('declares a server dead if its beat has not changed', async () => {
    const web1 = await anActiveServer(t, 'web-1')

    assert.equal(await bury(t.store, web1), true)
    assert.equal((await serverRow(t.store, 'web-1')).state, 'dead')
  })

  test('spares a server that has beaten since', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    await beat(t.store, t.clock, web1.serverId, 0)

    assert.equal(await bury(t.store, web1), false)
    assert.equal((await serverRow(t.store, 'web-1')).state, 'active')
  })

  test('happens once: the second of two observers learns that it was too late', async () => {
    const web1 = await anActiveServer(t, 'web-1')

    const buried = await Promise.all([bury(t.store, web1), bury(t.store, web1)])

    assert.deepEqual(buried.sort(), [false, true])
  })

  test('also buries servers that join or drain', async () => {
    await announce(t.store, t.clock, newcomer('joining'))
    const draining = await anActiveServer(t, 'draining')
    await drain(t.store, draining.serverId)

    assert.equal(await bury(t.store, await serverRow(t.store, 'joining')), true)
    assert.equal(await bury(t.store, await serverRow(t.store, 'draining')), true)
  })

  test('does not change a server that has left', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    await leave(t.store, web1)

    assert.equal(await bury(t.store, web1), false)
    assert.equal((await serverRow(t.store, 'web-1')).state, 'stopped')
  })

  test('is final: neither drain, leave nor activate brings a dead server back', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    await bury(t.store, web1)

    await drain(t.store, web1.serverId)
    await leave(t.store, web1)
    await assert.rejects(activate(t.store, web1.serverId), { code: 'SERVER_DEAD' })

    assert.equal((await serverRow(t.store, 'web-1')).state, 'dead')
  })

  test('frees name and URL, so that a successor can join', async () => {
    const web1 = await anActiveServer(t, 'first', { name: 'web-1' })
    await bury(t.store, web1)

    const successor = await anActiveServer(t, 'second', { name: 'web-1' })

    assert.equal(successor.state, 'active')
  })

  test('does not take the name from a successor that holds it already', async () => {
    const first = await anActiveServer(t, 'first', { name: 'web-1' })
    await t.store.update('Servers', { serverId: first.serverId }, { set: { state: 'stopped' }, when: [] })
    await anActiveServer(t, 'second', { name: 'web-1' })
    await t.store.update('Servers', { serverId: first.serverId }, { set: { state: 'active' }, when: [] })

    await bury(t.store, first)

    const name = await t.store.get('Servers', { serverId: serverIdOfHold('web-1') })
    assert.equal(name?.heldBy, 'second')
  })
})

describe('the burial of a server whose process has exited', () => {
  test('needs no silence', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    await beat(t.store, t.clock, web1.serverId, 0)

    assert.equal(await buryExited(t.store, web1, 'task stopped, exit code 137'), true)

    const row = await serverRow(t.store, 'web-1')
    assert.equal(row.state, 'dead')
    assert.equal(row.stateReason, 'task stopped, exit code 137')
  })

  test('is refused for a server that has left or is dead already', async () => {
    const left = await anActiveServer(t, 'left')
    await leave(t.store, left)

    assert.equal(await buryExited(t.store, left, 'task stopped'), false)
    assert.equal((await serverRow(t.store, 'left')).state, 'stopped')
  })
})

/** No server can have such an id. */
function serverIdOfHold(name: string) {
  return `name#${name}` as ReturnType<typeof serverId>
}
