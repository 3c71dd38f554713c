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
import { at, clock, store } from '../../builders/each-afresh.ts'

describe('beat', () => {
  test('raises the beat by one and answers with state and assignmentSeq', async () => {
    const web1 = await anActiveServer(at, 'web-1')
    await reserve(store, web1, 3)

    const first = await beat(store, clock, web1.serverId, 7)
    const second = await beat(store, clock, web1.serverId, 8)

    assert.deepEqual([first?.beat, second?.beat], [1, 2])
    assert.equal(second?.state, 'active')
    assert.equal(second?.assignmentSeq, 1)
    assert.equal(second?.connected, 8)
  })

  test('moves the time at which the row may be tidied up', async () => {
    const web1 = await anActiveServer(at, 'web-1')
    clock.advance(60_000)

    const row = await beat(store, clock, web1.serverId, 0)

    assert.equal(row?.beatAt, web1.beatAt + 60_000)
    assert.equal(row?.expiresAt, web1.expiresAt + 60)
  })

  test('of a draining server is accepted', async () => {
    const web1 = await anActiveServer(at, 'web-1')
    await drain(store, web1.serverId)

    assert.equal((await beat(store, clock, web1.serverId, 0))?.state, 'draining')
  })

  test('of a dead server is refused, for ever', async () => {
    const web1 = await anActiveServer(at, 'web-1')
    await bury(store, web1)

    assert.equal(await beat(store, clock, web1.serverId, 0), undefined)
    assert.equal(await beat(store, clock, web1.serverId, 0), undefined)
    assert.equal((await serverRow(store, 'web-1')).state, 'dead')
  })

  test('of a server without a row is refused and makes none', async () => {
    assert.equal(await beat(store, clock, serverId('nobody'), 0), undefined)
    assert.equal(await store.get('Servers', { serverId: serverId('nobody') }), undefined)
  })
})

describe('bury', () => {
  test('declares a server dead whose beat has not changed', async () => {
    const web1 = await anActiveServer(at, 'web-1')

    assert.equal(await bury(store, web1), true)
    assert.equal((await serverRow(store, 'web-1')).state, 'dead')
  })

  test('spares a server that has beaten since', async () => {
    const web1 = await anActiveServer(at, 'web-1')
    await beat(store, clock, web1.serverId, 0)

    assert.equal(await bury(store, web1), false)
    assert.equal((await serverRow(store, 'web-1')).state, 'active')
  })

  test('happens once: the second of two observers is told so', async () => {
    const web1 = await anActiveServer(at, 'web-1')

    const buried = await Promise.all([bury(store, web1), bury(store, web1)])

    assert.deepEqual(buried.sort(), [false, true])
  })

  test('buries servers that join or drain, too', async () => {
    await announce(store, clock, newcomer('joining'))
    const draining = await anActiveServer(at, 'draining')
    await drain(store, draining.serverId)

    assert.equal(await bury(store, await serverRow(store, 'joining')), true)
    assert.equal(await bury(store, await serverRow(store, 'draining')), true)
  })

  test('leaves a server that has left as it is', async () => {
    const web1 = await anActiveServer(at, 'web-1')
    await leave(store, web1)

    assert.equal(await bury(store, web1), false)
    assert.equal((await serverRow(store, 'web-1')).state, 'stopped')
  })

  test('is final: neither drain, leave nor activate brings a dead server back', async () => {
    const web1 = await anActiveServer(at, 'web-1')
    await bury(store, web1)

    await drain(store, web1.serverId)
    await leave(store, web1)
    await assert.rejects(activate(store, web1.serverId), { code: 'SERVER_DEAD' })

    assert.equal((await serverRow(store, 'web-1')).state, 'dead')
  })

  test('gives name and URL back, so that a successor can join', async () => {
    const web1 = await anActiveServer(at, 'first', { name: 'web-1' })
    await bury(store, web1)

    const successor = await anActiveServer(at, 'second', { name: 'web-1' })

    assert.equal(successor.state, 'active')
  })

  test('does not take the name from a successor that holds it already', async () => {
    const first = await anActiveServer(at, 'first', { name: 'web-1' })
    await store.update('Servers', { serverId: first.serverId }, { set: { state: 'stopped' }, when: [] })
    await anActiveServer(at, 'second', { name: 'web-1' })
    await store.update('Servers', { serverId: first.serverId }, { set: { state: 'active' }, when: [] })

    await bury(store, first)

    const name = await store.get('Servers', { serverId: serverIdOfHold('web-1') })
    assert.equal(name?.heldBy, 'second')
  })
})

describe('burial of a server whose process has exited', () => {
  test('needs no silence', async () => {
    const web1 = await anActiveServer(at, 'web-1')
    await beat(store, clock, web1.serverId, 0)

    assert.equal(await buryExited(store, web1, 'task stopped, exit code 137'), true)

    const row = await serverRow(store, 'web-1')
    assert.deepEqual([row.state, row.stateReason], ['dead', 'task stopped, exit code 137'])
  })

  test('is refused for a server that has left or is dead already', async () => {
    const left = await anActiveServer(at, 'left')
    await leave(store, left)

    assert.equal(await buryExited(store, left, 'task stopped'), false)
    assert.equal((await serverRow(store, 'left')).state, 'stopped')
  })
})

/** No server can have such an id. */
function serverIdOfHold(name: string) {
  return `name#${name}` as ReturnType<typeof serverId>
}
