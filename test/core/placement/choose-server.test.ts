import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { serverId } from '../../../core/ids.ts'
import { createServerChooser } from '../../../core/placement/choose-server.ts'
import type { ServerRow } from '../../../core/store/server-row.ts'
import { aServerRow } from '../../builders/builders.ts'
import { scriptedRandom, seededRandom } from '../../builders/chance.ts'

const newDevice = {}

describe('placement', () => {
  test('takes the emptier of two random servers', () => {
    const servers = [aServerRow('full', { load: 9 }), aServerRow('empty', { load: 1 }), aServerRow('other')]
    const first = createServerChooser(servers, 1, scriptedRandom(0, 0))
    const second = createServerChooser(servers, 1, scriptedRandom(0.4, 0.5))

    assert.equal(first.choose(newDevice)?.serverId, 'empty')
    assert.equal(second.choose(newDevice)?.serverId, 'empty')
  })

  test('never compares a server with itself: of two servers it always takes the emptier', () => {
    const servers = [aServerRow('full', { load: 90 }), aServerRow('empty', { load: 10 })]
    const chooser = createServerChooser(servers, 2, seededRandom())

    const chosen = Array.from({ length: 20 }, () => chooser.choose(newDevice)?.serverId)

    assert.deepEqual(new Set(chosen), new Set(['empty']))
  })

  test('compares load with capacity: half of a large server is emptier than all of a small one', () => {
    const servers = [
      aServerRow('small', { load: 9, capacity: 10 }),
      aServerRow('large', { load: 200, capacity: 400 }),
    ]

    assert.equal(createServerChooser(servers, 1, scriptedRandom(0, 0.9)).choose(newDevice)?.serverId, 'large')
  })

  test('keeps the fullest of 1,000 servers within three devices of the mean', () => {
    const servers = Array.from({ length: 1000 }, (_, n) => aServerRow(`server-${n}`, { capacity: 400 }))

    const loads = loadsAfter(servers, 40_000, 1)

    // 40 on average; hashing would reach about 60.
    assert.ok(Math.max(...loads) <= 43, `the fullest has ${Math.max(...loads)}`)
    assert.equal(sum(loads), 40_000)
  })

  test('fills every server evenly, to a device, when many devices are placed at once', () => {
    const servers = [3, 0, 7, 1].map((load, n) => aServerRow(`server-${n}`, { load, capacity: 50 }))

    const loads = loadsAfter(servers, 89, 89)

    assert.deepEqual(loads, [25, 25, 25, 25])
  })

  test('fills servers of different size to the same share when many devices are placed at once', () => {
    const servers = [100, 200, 300].map((capacity, n) => aServerRow(`server-${n}`, { capacity }))

    assert.deepEqual(loadsAfter(servers, 300, 300), [50, 100, 150])
  })

  test('never chooses a server that is full, joins, drains, has left or is dead', () => {
    const servers = [
      aServerRow('full', { load: 5, capacity: 5 }),
      aServerRow('joining', { state: 'joining' }),
      aServerRow('draining', { state: 'draining' }),
      aServerRow('stopped', { state: 'stopped' }),
      aServerRow('dead', { state: 'dead' }),
    ]

    assert.equal(createServerChooser(servers, 1, seededRandom()).choose(newDevice), undefined)
    assert.equal(
      createServerChooser(servers, 1, seededRandom()).choose({ moveTo: serverId('draining') }),
      undefined,
    )
  })

  test('counts the devices that it has placed itself, and stops when every server is full', () => {
    const chooser = createServerChooser([aServerRow('only', { load: 3, capacity: 5 })], 9, seededRandom())

    const chosen = [chooser.choose(newDevice), chooser.choose(newDevice), chooser.choose(newDevice)]

    assert.deepEqual(
      chosen.map((server) => server?.serverId),
      ['only', 'only', undefined],
    )
  })

  test('prefers the server that the device is asked to move to, then its home, then any server', () => {
    const servers = [
      aServerRow('empty', { load: 0 }),
      aServerRow('home', { load: 90, name: 'web-1' }),
      aServerRow('target', { load: 95 }),
    ]
    const home = { name: 'web-1', since: 0 }
    const chooser = createServerChooser(servers, 9, seededRandom())

    assert.equal(chooser.choose({ home, moveTo: serverId('target') })?.serverId, 'target')
    assert.equal(chooser.choose({ home })?.serverId, 'home')
    assert.equal(chooser.choose({ home: { name: 'web-9', since: 0 } })?.serverId, 'empty')
  })

  test('sends suspects to different servers, though all prefer the same', () => {
    const chooser = createServerChooser([aServerRow('first'), aServerRow('second')], 2, seededRandom())
    const suspect = { suspicion: 2, home: { name: 'first', since: 1 } }

    const chosen = [chooser.choose(suspect), chooser.choose(suspect)].map((server) => server?.serverId)

    assert.deepEqual(chosen, ['first', 'second'])
  })

  test('sends a suspect where it is asked to move, unless another suspect has just gone there', () => {
    const servers = ['first', 'second', 'third'].map((name) => aServerRow(name))
    const chooser = createServerChooser(servers, 3, seededRandom())
    const homeless = chooser.choose({ suspicion: 2, home: { name: 'first', since: 1 } })
    const asked = { suspicion: 2, moveTo: serverId('second') }

    const chosen = [chooser.choose(asked), chooser.choose(asked)].map((server) => server?.serverId)

    assert.equal(homeless?.serverId, 'first')
    assert.deepEqual(chosen, ['second', 'third'])
  })

  test('takes another server when target and home are full', () => {
    const servers = [
      aServerRow('target', { load: 5, capacity: 5 }),
      aServerRow('home', { load: 5, capacity: 5, name: 'web-1' }),
      aServerRow('other'),
    ]

    const chosen = createServerChooser(servers, 1, seededRandom()).choose({
      moveTo: serverId('target'),
      home: { name: 'web-1', since: 0 },
    })

    assert.equal(chosen?.serverId, 'other')
  })

  test('for a move to any server avoids the server that the device leaves, though it is the emptiest', () => {
    const servers = [aServerRow('left', { load: 0 }), aServerRow('other', { load: 90 })]

    const chosen = createServerChooser(servers, 9, seededRandom()).choose({
      moveTo: 'any',
      movedFrom: serverId('left'),
    })

    assert.equal(chosen?.serverId, 'other')
  })

  test('for a move to any server chooses among the servers that are emptier than most', () => {
    const full = ['a', 'b', 'c', 'd'].map((id) => aServerRow(id, { load: 50 }))
    const servers = [...full, aServerRow('left', { load: 60 }), aServerRow('new', { load: 5 })]

    const chosen = Array.from({ length: 20 }, (_, seed) =>
      createServerChooser(servers, 1, seededRandom(seed)).choose({
        moveTo: 'any',
        movedFrom: serverId('left'),
      }),
    )

    assert.deepEqual([...new Set(chosen.map((server) => server?.serverId))], ['new'])
  })

  test('for a move to any server takes the server that the device leaves when there is no other', () => {
    const servers = [aServerRow('left'), aServerRow('full', { load: 5, capacity: 5 })]

    const chosen = createServerChooser(servers, 1, seededRandom()).choose({
      moveTo: 'any',
      movedFrom: serverId('left'),
    })

    assert.equal(chosen?.serverId, 'left')
  })

  test('does not choose a server again whose reserve was refused', () => {
    const [refusing, other] = [aServerRow('refusing'), aServerRow('other', { load: 50 })]
    const chooser = createServerChooser([refusing, other], 9, seededRandom())

    chooser.exclude(refusing)

    assert.equal(chooser.choose(newDevice)?.serverId, 'other')
    chooser.exclude(other)
    assert.equal(chooser.choose(newDevice), undefined)
  })
})

/** The loads after `devices` were placed by a caller that announced `announced` of them. */
function loadsAfter(servers: readonly ServerRow[], devices: number, announced: number): number[] {
  const chooser = createServerChooser(servers, announced, seededRandom(7))
  const loads = new Map(servers.map((server) => [server.serverId, server.load]))
  for (let device = 0; device < devices; device++) {
    const chosen = chooser.choose(newDevice)
    if (chosen) loads.set(chosen.serverId, (loads.get(chosen.serverId) ?? 0) + 1)
  }
  return [...loads.values()]
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
