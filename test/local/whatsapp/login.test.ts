import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect, eventually, loggedIn, newCredentials, pair, simulatorFor } from './baileys-client.ts'

const DEVICE = '15550100101'
const CODES = [400, 401, 402, 403, 405, 406, 409, 411, 413, 414, 415, 418, 500, 501, 503]

test('a second login replaces the older socket and counts as one overlap and one conflict', async (t) => {
  const simulator = await simulatorFor(t)
  const credentials = await pair(simulator)
  const older = await loggedIn(simulator, credentials, { server: 'web-1' })

  const newer = await loggedIn(simulator, credentials, { server: 'web-2' })
  assert.equal(await older.closed(), 440)
  const { overlaps, conflicts, openSockets } = await eventually('the older socket gone', () => {
    const report = simulator.report()
    return report.openSockets === 1 && report
  })

  assert.equal(newer.socket.ws.isOpen, true)
  assert.deepEqual(conflicts, { overlap: 1, foreign: 0 })
  assert.equal(openSockets, 1)
  assert.equal(overlaps.length, 1)
  assert.match(overlaps[0]?.older ?? '', /^web-1:\d+$/)
  assert.match(overlaps[0]?.newer ?? '', /^web-2:\d+$/)
  assert.ok(overlaps[0]?.until)
})

test('closing before the next login is no overlap', async (t) => {
  const simulator = await simulatorFor(t)
  const credentials = await pair(simulator)
  const first = await loggedIn(simulator, credentials)
  first.socket.end(undefined)
  await first.closed()
  await loggedIn(simulator, credentials)

  const { logins, overlaps, conflicts, gapsSeconds } = simulator.report()

  assert.equal(logins, 2)
  assert.deepEqual(overlaps, [])
  assert.deepEqual(conflicts, { overlap: 0, foreign: 0 })
  assert.equal(gapsSeconds.count, 1)
})

test('a client with edge-routing information logs in as any other', async (t) => {
  const simulator = await simulatorFor(t)
  const credentials = await pair(simulator)
  credentials.creds.routingInfo = Buffer.from('edge')

  await loggedIn(simulator, credentials)

  assert.equal(simulator.report().openSockets, 1)
})

test('a client with the name of a linked device and other keys is refused with 401', async (t) => {
  const simulator = await simulatorFor(t)
  const { creds } = await pair(simulator)
  const impostor = newCredentials()
  Object.assign(impostor.creds, { me: creds.me })

  assert.equal(await connect(simulator, impostor).closed(), 401)
  assert.equal(simulator.report().refusedLogins, 1)
})

test('a device that logs out gets 401, and its next login is refused with 401', async (t) => {
  const simulator = await simulatorFor(t)
  const credentials = await pair(simulator)
  const device = await loggedIn(simulator, credentials)

  await device.socket.logout()
  assert.equal(await device.closed(), 401)
  await eventually('the device unlinked', () => simulator.accounts().length === 0)

  assert.equal(await connect(simulator, credentials).closed(), 401)
})

test('an account has the label of its socket', async (t) => {
  const simulator = await simulatorFor(t)
  const credentials = await pair(simulator)
  assert.equal(simulator.accounts()[0]?.connectedTo, undefined)

  await loggedIn(simulator, credentials, { server: 'web-1' })

  assert.match(simulator.accounts()[0]?.connectedTo ?? '', /^web-1:\d+$/)
})

for (const code of CODES) {
  test(`a login refused once with ${code} reaches the client as ${code}, and the next login succeeds`, async (t) => {
    const simulator = await simulatorFor(t)
    const credentials = await pair(simulator, DEVICE)

    simulator.misbehave(DEVICE, { what: 'refuse-login', reason: String(code) }, { times: 1 })

    assert.equal(await connect(simulator, credentials).closed(), code)
    assert.equal(simulator.report().refusedLogins, 1)
    await loggedIn(simulator, credentials)
  })
}

test('a refusal has its other attributes, and * targets every account', async (t) => {
  const simulator = await simulatorFor(t)
  const credentials = await pair(simulator, DEVICE)
  const attrs = { code: '101', expire: '3600' }
  const failures: unknown[] = []

  simulator.misbehave('*', { what: 'refuse-login', reason: '402', attrs })
  const client = connect(simulator, credentials)
  client.socket.ws.on('CB:failure', ({ attrs }: { attrs: unknown }) => failures.push(attrs))

  assert.equal(await client.closed(), 402)
  assert.deepEqual(failures, [{ reason: '402', ...attrs }])
})

test('a login may be answered by another stanza, too', async (t) => {
  const simulator = await simulatorFor(t)
  const credentials = await pair(simulator, DEVICE)

  simulator.misbehave(DEVICE, { what: 'refuse-login', tag: 'stream:error', children: ['conflict'] })

  assert.equal(await connect(simulator, credentials).closed(), 440)
})

test('a client below the least version gets 405, also while it is being linked', async (t) => {
  const simulator = await simulatorFor(t)
  const credentials = await pair(simulator, DEVICE)

  simulator.misbehave('*', { what: 'outdated', below: '2.3000.1020' })

  const old = { version: [2, 3000, 1019] as [number, number, number] }
  const fresh = { version: [2, 3000, 1020] as [number, number, number] }
  assert.equal(await connect(simulator, credentials, old).closed(), 405)
  assert.equal(await connect(simulator, newCredentials(), old).closed(), 405)
  await loggedIn(simulator, credentials, fresh)
})
