/** Servers that lose the database, alone and with most others: the fence, the brake and the burial. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { DEFAULT_SETTINGS } from '../../core/settings.ts'
import { startProxy, type TcpProxy } from '../chaos/tcp-proxy.ts'
import { startTestFleet, type TestFleet } from './fleet-under-test.ts'
import { until } from './until.ts'

let fleet: TestFleet
let proxies: TcpProxy[]

before(async () => {
  fleet = await startTestFleet({ servers: 0 })
  proxies = []
  for (const name of ['server-1', 'server-2', 'server-3']) {
    const proxy = await startProxy(fleet.database.endpoint)
    proxies.push(proxy)
    await fleet.startServer(name, { databaseEndpoint: proxy.endpoint })
    await fleet.untilActive(name)
  }
})

after(async () => {
  for (const proxy of proxies ?? []) proxy.mend()
  await fleet?.close()
  for (const proxy of proxies ?? []) await proxy.close()
})

test('a server without the store closes its sockets before its lease ends, and goes on afterwards', async (context) => {
  const ids = await fleet.linkDevices(9, 'lone')
  const server = await fleet.untilActive('server-1')
  const held = await fleet.ownedBy(ids, 'server-1')
  assert.ok(held.length > 0)
  const cutAt = performance.now()
  proxies[0]?.cut()
  // The fence counts from the last acknowledged beat. The beat was sent before the cut, so the fence is no
  // later than this.
  await until(
    'sockets closed',
    DEFAULT_SETTINGS.fenceAfterMs + 500,
    async () => (await fleet.openSockets(held)) === 0,
  )
  context.diagnostic(
    `${held.length} sockets closed ${Math.round(performance.now() - cutAt)} ms after the cut`,
  )
  assert.equal((await fleet.ownedBy(held, 'server-1')).length, held.length)
  proxies[0]?.mend()
  await fleet.untilConnected(ids)
  assert.equal((await fleet.untilActive('server-1')).serverId, server.serverId)
  assert.equal((await fleet.ownedBy(held, 'server-1')).length, held.length)
  fleet.assertNeverTwoSockets()
})

test('servers that are cut off with most others are not buried under the brake, and keep their devices', async () => {
  const ids = await fleet.linkDevices(9, 'together')
  const before = await fleet.devices(ids)
  const servers = await fleet.activeServers()
  proxies[0]?.cut()
  proxies[1]?.cut()
  // A lone silent server would be buried by now, and the brake is still on.
  await new Promise((resolve) => setTimeout(resolve, DEFAULT_SETTINGS.buryAfterMs + 3500))
  assert.deepEqual(
    (await fleet.activeServers()).map((one) => one.serverId).sort(),
    servers.map((one) => one.serverId).sort(),
  )
  proxies[0]?.mend()
  proxies[1]?.mend()
  const rows = await fleet.untilConnected(ids)
  const ownersOf = (of: typeof rows) => new Map(of.map((row) => [row.deviceId, row.owner]))
  assert.deepEqual(ownersOf(rows), ownersOf(before))
  fleet.assertNeverTwoSockets()
})

test('a server that is cut off beyond the bury time is buried and ends, and its devices move', async () => {
  const ids = await fleet.linkDevices(6, 'buried')
  const cut = await fleet.untilActive('server-3')
  const process = fleet.processOf('server-3')
  proxies[2]?.cut()
  await until('devices moved', 25_000, async () => {
    const rows = await fleet.devices(ids)
    return rows.every((row) => row.owner !== cut.serverId && row.status === 'connected')
  })
  proxies[2]?.mend()
  const exit = await process.exited
  // The server ends by its refused beat (3) or because its task is stopped (0). Either may come first.
  assert.ok(exit.code === 3 || exit.code === 0, `exit code ${exit.code}`)
  await fleet.untilConnected(ids)
  fleet.assertNeverTwoSockets()
})
