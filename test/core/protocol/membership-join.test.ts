import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { serverId } from '../../../core/ids.ts'
import { activate, announce, bury, drain, hold, leave, reserve } from '../../../core/protocol/membership.ts'
import { aDevice, anActiveServer, anOwnedDevice, newcomer, serverRow } from '../../builders/builders.ts'
import { fresh } from '../../builders/fresh.ts'

const t = fresh()

describe('join', () => {
  test('announces a server that beats but takes no devices before it is active', async () => {
    await announce(t.store, t.clock, newcomer('web-1'))

    const joining = await serverRow(t.store, 'web-1')
    assert.equal(joining.state, 'joining')
    assert.equal(joining.beat, 0)
    assert.equal(await reserve(t.store, joining, 1), false)
  })

  test('makes a server active once it holds its name and URL', async () => {
    await announce(t.store, t.clock, newcomer('web-1'))

    assert.equal(await hold(t.store, 'name', 'web-1', serverId('web-1')), undefined)
    assert.equal(await hold(t.store, 'url', 'http://web-1.test:8080', serverId('web-1')), undefined)
    assert.equal((await activate(t.store, serverId('web-1'))).state, 'active')
  })

  test('under an id that was used before is refused and does not change the row', async () => {
    const web1 = await anActiveServer(t, 'web-1')

    await assert.rejects(announce(t.store, t.clock, newcomer('web-1')), /used before/)
    assert.deepEqual(await serverRow(t.store, 'web-1'), web1)
  })

  test('of a second server under the same name gives the holder', async () => {
    await anActiveServer(t, 'first', { name: 'web-1' })
    await announce(t.store, t.clock, newcomer('second', { name: 'web-1' }))

    const holder = await hold(t.store, 'name', 'web-1', serverId('second'))

    assert.equal(holder?.serverId, 'first')
  })

  test('of a second server under the same URL gives the holder', async () => {
    const first = await anActiveServer(t, 'first')
    await announce(t.store, t.clock, newcomer('second'))

    const holder = await hold(t.store, 'url', first.url, serverId('second'))

    assert.equal(holder?.serverId, 'first')
  })

  test('is refused a name whose holder is still joining or draining', async () => {
    await announce(t.store, t.clock, newcomer('joining', { name: 'web-1' }))
    await hold(t.store, 'name', 'web-1', serverId('joining'))
    const draining = await anActiveServer(t, 'draining', { name: 'web-2' })
    await drain(t.store, draining.serverId)
    await announce(t.store, t.clock, newcomer('second'))

    assert.equal((await hold(t.store, 'name', 'web-1', serverId('second')))?.serverId, 'joining')
    assert.equal((await hold(t.store, 'name', 'web-2', serverId('second')))?.serverId, 'draining')
  })

  test('may hold a name twice: the first answer may have been lost', async () => {
    await announce(t.store, t.clock, newcomer('web-1'))

    await hold(t.store, 'name', 'web-1', serverId('web-1'))

    assert.equal(await hold(t.store, 'name', 'web-1', serverId('web-1')), undefined)
  })

  test('takes over the name of a dead server that still holds it', async () => {
    await holdingOnly('first', 'web-1')
    // The process that buried it crashed before it freed the name.
    await t.store.update('Servers', { serverId: serverId('first') }, { set: { state: 'dead' }, when: [] })
    await announce(t.store, t.clock, newcomer('second', { name: 'web-1' }))

    assert.equal(await hold(t.store, 'name', 'web-1', serverId('second')), undefined)
    assert.equal((await nameHold('web-1'))?.heldBy, 'second')
  })

  test('takes over the name of a stopped server that still holds it', async () => {
    await holdingOnly('first', 'web-1')
    await t.store.update('Servers', { serverId: serverId('first') }, { set: { state: 'stopped' }, when: [] })
    await announce(t.store, t.clock, newcomer('second', { name: 'web-1' }))

    assert.equal(await hold(t.store, 'name', 'web-1', serverId('second')), undefined)
    assert.equal((await nameHold('web-1'))?.heldBy, 'second')
  })

  test('takes over the name of a holder whose row has expired', async () => {
    await holdingOnly('first', 'web-1')
    await t.store.remove('Servers', { serverId: serverId('first') })
    await announce(t.store, t.clock, newcomer('second', { name: 'web-1' }))

    assert.equal(await hold(t.store, 'name', 'web-1', serverId('second')), undefined)
    assert.equal((await nameHold('web-1'))?.heldBy, 'second')
  })

  test('by 20 servers under one name at once succeeds for one, and the others learn which', async () => {
    const joiners = await announced(20)

    const answers = await Promise.all(joiners.map((id) => hold(t.store, 'name', 'web-1', id)))

    const winner = (await nameHold('web-1'))?.heldBy
    assert.equal(answers.filter((holder) => holder === undefined).length, 1)
    assert.equal(joiners[answers.indexOf(undefined)], winner)
    assert.deepEqual(new Set(answers.filter(Boolean).map((holder) => holder?.serverId)), new Set([winner]))
  })

  test('by 20 servers at once under the name of a dead server succeeds for exactly one', async () => {
    await holdingOnly('first', 'web-1')
    await t.store.update('Servers', { serverId: serverId('first') }, { set: { state: 'dead' }, when: [] })
    const joiners = await announced(20)

    const answers = await Promise.all(joiners.map((id) => hold(t.store, 'name', 'web-1', id)))

    assert.equal(answers.filter((holder) => holder === undefined).length, 1)
    assert.equal(joiners[answers.indexOf(undefined)], (await nameHold('web-1'))?.heldBy)
  })

  test('of a server that was buried while joining is refused', async () => {
    await announce(t.store, t.clock, newcomer('web-1'))
    await bury(t.store, await serverRow(t.store, 'web-1'))

    await assert.rejects(activate(t.store, serverId('web-1')), { code: 'SERVER_DEAD' })
    assert.equal((await serverRow(t.store, 'web-1')).state, 'dead')
  })

  async function holdingOnly(id: string, name: string) {
    await announce(t.store, t.clock, newcomer(id, { name }))
    await hold(t.store, 'name', name, serverId(id))
  }

  async function announced(count: number) {
    const ids = Array.from({ length: count }, (_, n) => serverId(`joiner-${n}`))
    await Promise.all(ids.map((id) => announce(t.store, t.clock, newcomer(id, { name: 'web-1' }))))
    return ids
  }

  function nameHold(name: string) {
    return t.store.get('Servers', { serverId: serverIdOfHold(name) })
  }
})

describe('leaving', () => {
  test('of a drained server is final and frees its name', async () => {
    const web1 = await anActiveServer(t, 'first', { name: 'web-1' })
    await drain(t.store, web1.serverId)

    await leave(t.store, web1)
    await drain(t.store, web1.serverId)

    assert.equal((await serverRow(t.store, 'first')).state, 'stopped')
    assert.equal((await anActiveServer(t, 'second', { name: 'web-1' })).state, 'active')
  })

  test('changes no device: its devices stay until they are released or evicted', async () => {
    const web1 = await anActiveServer(t, 'web-1')
    const owned = await anOwnedDevice(t, web1)
    await aDevice(t, 'device-2')

    await leave(t.store, web1)

    assert.deepEqual(await t.store.get('Devices', { deviceId: owned.deviceId }), owned)
  })
})

/** No server can have such an id. */
function serverIdOfHold(name: string) {
  return `name#${name}` as ReturnType<typeof serverId>
}
