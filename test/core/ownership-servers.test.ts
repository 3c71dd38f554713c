import assert from 'node:assert/strict'
import { after, beforeEach, describe, test } from 'node:test'
import { serverId } from '../../core/ids.ts'
import {
  activate,
  announce,
  beat,
  bury,
  buryExited,
  correctLoad,
  drain,
  hold,
  leave,
  raiseAssignmentSeq,
  reserve,
  unreserve,
} from '../../core/membership.ts'
import type { Store } from '../../core/store.ts'
import {
  aDevice,
  anActiveServer,
  anOwnedDevice,
  embeddedTables,
  type ManualClock,
  manualClock,
  newcomer,
  ownedDevices,
  serverRow,
} from './builders.ts'

const tables = await embeddedTables()
after(() => tables.close())

let store: Store
let clock: ManualClock
let at: { store: Store; clock: ManualClock }
beforeEach(async () => {
  store = await tables.fresh()
  clock = manualClock()
  at = { store, clock }
})

describe('join', () => {
  test('announces a server that beats but takes no devices before it is active', async () => {
    await announce(store, clock, newcomer('web-1'))

    const joining = await serverRow(store, 'web-1')
    assert.equal(joining.state, 'joining')
    assert.equal(joining.beat, 0)
    assert.equal(await reserve(store, joining, 1), false)
  })

  test('holds name and URL, and is active then', async () => {
    await announce(store, clock, newcomer('web-1'))

    assert.equal(await hold(store, 'name', 'web-1', serverId('web-1')), undefined)
    assert.equal(await hold(store, 'url', 'http://web-1.test:8080', serverId('web-1')), undefined)
    assert.equal((await activate(store, serverId('web-1'))).state, 'active')
  })

  test('under an id that was used before is refused and leaves the row as it is', async () => {
    const web1 = await anActiveServer(at, 'web-1')

    await assert.rejects(announce(store, clock, newcomer('web-1')), /used before/)
    assert.deepEqual(await serverRow(store, 'web-1'), web1)
  })

  test('of a second server under the same name is told who holds it', async () => {
    await anActiveServer(at, 'first', { name: 'web-1' })
    await announce(store, clock, newcomer('second', { name: 'web-1' }))

    const holder = await hold(store, 'name', 'web-1', serverId('second'))

    assert.equal(holder?.serverId, 'first')
  })

  test('of a second server under the same URL is told who holds it', async () => {
    const first = await anActiveServer(at, 'first')
    await announce(store, clock, newcomer('second'))

    const holder = await hold(store, 'url', first.url, serverId('second'))

    assert.equal(holder?.serverId, 'first')
  })

  test('is refused a name whose holder is still joining or draining', async () => {
    await announce(store, clock, newcomer('joining', { name: 'web-1' }))
    await hold(store, 'name', 'web-1', serverId('joining'))
    const draining = await anActiveServer(at, 'draining', { name: 'web-2' })
    await drain(store, draining.serverId)
    await announce(store, clock, newcomer('second'))

    assert.equal((await hold(store, 'name', 'web-1', serverId('second')))?.serverId, 'joining')
    assert.equal((await hold(store, 'name', 'web-2', serverId('second')))?.serverId, 'draining')
  })

  test('holding a name twice is harmless: the first answer may have been lost', async () => {
    await announce(store, clock, newcomer('web-1'))

    await hold(store, 'name', 'web-1', serverId('web-1'))

    assert.equal(await hold(store, 'name', 'web-1', serverId('web-1')), undefined)
  })

  test('takes over the name of a dead server that still holds it', async () => {
    await holdingOnly('first', 'web-1')
    // The process that buried it crashed before it gave the name back.
    await store.update('Servers', { serverId: serverId('first') }, { set: { state: 'dead' }, when: [] })
    await announce(store, clock, newcomer('second', { name: 'web-1' }))

    assert.equal(await hold(store, 'name', 'web-1', serverId('second')), undefined)
    assert.equal((await nameHold('web-1'))?.heldBy, 'second')
  })

  test('takes over the name of a stopped server that still holds it', async () => {
    await holdingOnly('first', 'web-1')
    await store.update('Servers', { serverId: serverId('first') }, { set: { state: 'stopped' }, when: [] })
    await announce(store, clock, newcomer('second', { name: 'web-1' }))

    assert.equal(await hold(store, 'name', 'web-1', serverId('second')), undefined)
    assert.equal((await nameHold('web-1'))?.heldBy, 'second')
  })

  test('takes over the name of a holder whose row was tidied up', async () => {
    await holdingOnly('first', 'web-1')
    await store.remove('Servers', { serverId: serverId('first') })
    await announce(store, clock, newcomer('second', { name: 'web-1' }))

    assert.equal(await hold(store, 'name', 'web-1', serverId('second')), undefined)
    assert.equal((await nameHold('web-1'))?.heldBy, 'second')
  })

  test('by 20 servers under one name at once succeeds for exactly one, and the others are told of it', async () => {
    const joiners = await announced(20)

    const answers = await Promise.all(joiners.map((id) => hold(store, 'name', 'web-1', id)))

    const winner = (await nameHold('web-1'))?.heldBy
    assert.equal(answers.filter((holder) => holder === undefined).length, 1)
    assert.equal(joiners[answers.indexOf(undefined)], winner)
    assert.deepEqual(new Set(answers.filter(Boolean).map((holder) => holder?.serverId)), new Set([winner]))
  })

  test('by 20 servers after the name of a dead one at once succeeds for exactly one', async () => {
    await holdingOnly('first', 'web-1')
    await store.update('Servers', { serverId: serverId('first') }, { set: { state: 'dead' }, when: [] })
    const joiners = await announced(20)

    const answers = await Promise.all(joiners.map((id) => hold(store, 'name', 'web-1', id)))

    assert.equal(answers.filter((holder) => holder === undefined).length, 1)
    assert.equal(joiners[answers.indexOf(undefined)], (await nameHold('web-1'))?.heldBy)
  })

  test('of a server that was buried while joining is refused', async () => {
    await announce(store, clock, newcomer('web-1'))
    await bury(store, await serverRow(store, 'web-1'))

    await assert.rejects(activate(store, serverId('web-1')), { code: 'SERVER_DEAD' })
    assert.equal((await serverRow(store, 'web-1')).state, 'dead')
  })

  async function holdingOnly(id: string, name: string) {
    await announce(store, clock, newcomer(id, { name }))
    await hold(store, 'name', name, serverId(id))
  }

  async function announced(count: number) {
    const ids = Array.from({ length: count }, (_, n) => serverId(`joiner-${n}`))
    await Promise.all(ids.map((id) => announce(store, clock, newcomer(id, { name: 'web-1' }))))
    return ids
  }

  function nameHold(name: string) {
    return store.get('Servers', { serverId: serverIdOfHold(name) })
  }
})

/** No server can have such an id. */
function serverIdOfHold(name: string) {
  return `name#${name}` as ReturnType<typeof serverId>
}

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

describe('reserve', () => {
  test('takes room and raises assignmentSeq', async () => {
    const web1 = await anActiveServer(at, 'web-1', { capacity: 10 })

    assert.equal(await reserve(store, web1, 4), true)

    const row = await serverRow(store, 'web-1')
    assert.deepEqual([row.load, row.assignmentSeq], [4, 1])
  })

  test('fills a server to its capacity and not one device further', async () => {
    const web1 = await anActiveServer(at, 'web-1', { capacity: 5 })

    assert.equal(await reserve(store, web1, 4), true)
    assert.equal(await reserve(store, web1, 2), false)
    assert.equal(await reserve(store, web1, 1), true)
    assert.equal(await reserve(store, web1, 1), false)
    assert.equal((await serverRow(store, 'web-1')).load, 5)
  })

  test('of 100 callers at once, each for one device, admits as many as there is room for', async () => {
    const web1 = await anActiveServer(at, 'web-1', { capacity: 40 })

    const admitted = await Promise.all(Array.from({ length: 100 }, () => reserve(store, web1, 1)))

    assert.equal(admitted.filter(Boolean).length, 40)
    assert.equal((await serverRow(store, 'web-1')).load, 40)
  })

  test('is refused by a server that drains, has left, is dead or has no row', async () => {
    const draining = await anActiveServer(at, 'draining')
    const left = await anActiveServer(at, 'left')
    const dead = await anActiveServer(at, 'dead')
    await drain(store, draining.serverId)
    await leave(store, left)
    await bury(store, dead)

    assert.equal(await reserve(store, draining, 1), false)
    assert.equal(await reserve(store, left, 1), false)
    assert.equal(await reserve(store, dead, 1), false)
    assert.equal(await reserve(store, { serverId: serverId('nobody'), capacity: 9 }, 1), false)
  })
})

describe('unreserve', () => {
  test('gives room back', async () => {
    const web1 = await anActiveServer(at, 'web-1')
    await reserve(store, web1, 3)

    await unreserve(store, web1.serverId, 2)

    assert.equal((await serverRow(store, 'web-1')).load, 1)
  })

  test('never takes the load below zero', async () => {
    const web1 = await anActiveServer(at, 'web-1')
    await reserve(store, web1, 1)

    await unreserve(store, web1.serverId, 2)

    assert.equal((await serverRow(store, 'web-1')).load, 1)
  })

  test('makes no row for a server that has none', async () => {
    await unreserve(store, serverId('nobody'), 1)

    assert.equal(await store.get('Servers', { serverId: serverId('nobody') }), undefined)
  })
})

describe('load correction', () => {
  test('sets the load to what was counted', async () => {
    const web1 = await anActiveServer(at, 'web-1')
    await ownedDevices(at, web1, 2)
    await reserve(store, web1, 3)

    assert.equal(await correctLoad(store, await serverRow(store, 'web-1'), 2), true)
    assert.equal((await serverRow(store, 'web-1')).load, 2)
  })

  test('is refused when something was assigned or asked since the counting began', async () => {
    const web1 = await anActiveServer(at, 'web-1')
    const counted = await serverRow(store, 'web-1')
    await anOwnedDevice(at, web1)

    assert.equal(await correctLoad(store, counted, 0), false)
    assert.equal((await serverRow(store, 'web-1')).load, 1)
  })

  test('is refused when the owner was told to look since then, though its load is the same', async () => {
    const web1 = await anActiveServer(at, 'web-1')
    await reserve(store, web1, 3)
    const counted = await serverRow(store, 'web-1')
    await raiseAssignmentSeq(store, web1.serverId)

    assert.equal(await correctLoad(store, counted, 0), false)
    assert.equal((await serverRow(store, 'web-1')).load, 3)
  })

  test('is refused when a device was released since the counting began', async () => {
    const web1 = await anActiveServer(at, 'web-1')
    await ownedDevices(at, web1, 2)
    const counted = await serverRow(store, 'web-1')
    await unreserve(store, web1.serverId, 1)

    assert.equal(await correctLoad(store, counted, 2), false)
    assert.equal((await serverRow(store, 'web-1')).load, 1)
  })
})

describe('raising assignmentSeq', () => {
  test('is seen in the answer of the next beat', async () => {
    const web1 = await anActiveServer(at, 'web-1')

    const raised = await raiseAssignmentSeq(store, web1.serverId)

    assert.equal(raised?.assignmentSeq, 1)
    assert.equal((await beat(store, clock, web1.serverId, 0))?.assignmentSeq, 1)
  })

  test('of a server that is gone does nothing', async () => {
    const web1 = await anActiveServer(at, 'web-1')
    await bury(store, web1)

    assert.equal(await raiseAssignmentSeq(store, web1.serverId), undefined)
    assert.equal(await raiseAssignmentSeq(store, serverId('nobody')), undefined)
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

describe('leaving', () => {
  test('of a drained server is final and frees its name', async () => {
    const web1 = await anActiveServer(at, 'first', { name: 'web-1' })
    await drain(store, web1.serverId)

    await leave(store, web1)
    await drain(store, web1.serverId)

    assert.equal((await serverRow(store, 'first')).state, 'stopped')
    assert.equal((await anActiveServer(at, 'second', { name: 'web-1' })).state, 'active')
  })

  test('takes no device from anybody: a device stays until it is released or evicted', async () => {
    const web1 = await anActiveServer(at, 'web-1')
    const owned = await anOwnedDevice(at, web1)
    await aDevice(at, 'device-2')

    await leave(store, web1)

    assert.deepEqual(await store.get('Devices', { deviceId: owned.deviceId }), owned)
  })
})
