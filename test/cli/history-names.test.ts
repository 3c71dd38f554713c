import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nameServers } from '../../cli/history-names.ts'
import { fakeWorld } from './fake-world.ts'

const at = '2030-01-01T00:00:00.000Z'
const SERVERS = { '/servers': [{ servers: [{ serverId: 'id-2', name: 'server-2' }] }] }

test('a row without a name gets the name that another row of the history has, and nobody is asked', async () => {
  const { api } = fakeWorld({})

  const named = await nameServers(api, [
    { at, event: 'requested', why: 'stop, with key k', serverId: 'id-1' },
    { at, event: 'assigned', why: 'placed', serverId: 'id-1', serverName: 'server-1' },
  ])

  assert.deepEqual(
    named.map(({ serverName }) => serverName),
    ['server-1', 'server-1'],
  )
})

test('other servers are asked of the fleet, as is the server of a move', async () => {
  const { api } = fakeWorld(SERVERS)

  const [row] = await nameServers(api, [
    { at, event: 'requested', why: 'reassign to id-2, with key k', serverId: 'id-2' },
  ])

  assert.equal(row?.serverName, 'server-2')
  assert.equal(row?.why, 'reassign to server-2, with key k')
})

test('a server that the fleet has forgotten keeps its id', async () => {
  const { api } = fakeWorld(SERVERS)

  const [row] = await nameServers(api, [
    { at, event: 'requested', why: 'reassign to any, with key k', serverId: 'x' },
  ])

  assert.equal(row?.serverName, undefined)
  assert.equal(row?.why, 'reassign to any, with key k')
})
