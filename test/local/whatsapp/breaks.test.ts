import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Break } from '../../../local/whatsapp/breaks.ts'
import { connect, loggedIn, pair, simulatorFor } from './baileys-client.ts'

const REPORTED_AS: [Break, number][] = [
  ['403', 403],
  ['408', 408],
  ['411', 411],
  ['428', 428],
  ['440', 440],
  ['500', 500],
  ['503', 503],
  ['515', 515],
  ['reset', 428],
  ['silent', 408],
]

for (const [how, status] of REPORTED_AS) {
  test(`the break ${how} reaches the client as ${status}, and the device may log in again`, async (t) => {
    const simulator = await simulatorFor(t)
    const credentials = await pair(simulator, '15550100')
    const device = await loggedIn(simulator, credentials, { keepAliveIntervalMs: 500 })

    simulator.breakConnection('15550100', how)

    assert.equal(await device.closed(), status)
    await loggedIn(simulator, credentials)
  })
}

test('the break 401 unlinks the device: its socket and each later login get 401', async (t) => {
  const simulator = await simulatorFor(t)
  const credentials = await pair(simulator, '15550100')
  const device = await loggedIn(simulator, credentials)

  simulator.breakConnection('15550100', '401')

  assert.equal(await device.closed(), 401)
  assert.equal(await connect(simulator, credentials).closed(), 401)
})

test('messages that wait for an unlinked device are dropped and counted', async (t) => {
  const simulator = await simulatorFor(t)
  await pair(simulator, '15550100')
  await simulator.text('15550100', 'too late')

  simulator.breakConnection('15550100', '401')

  const { messages } = simulator.report()
  assert.partialDeepStrictEqual(messages, { texted: 1, received: 0, dropped: 1 })
})

test('a login from outside the fleet is a foreign conflict, and no overlap', async (t) => {
  const simulator = await simulatorFor(t)
  const credentials = await pair(simulator, '15550100')
  const device = await loggedIn(simulator, credentials)

  simulator.foreignLogin('15550100')

  assert.equal(await device.closed(), 440)
  assert.deepEqual(simulator.report().conflicts, { overlap: 0, foreign: 1 })
  assert.deepEqual(simulator.report().overlaps, [])
})

test('a device without a socket has no connection to break', async (t) => {
  const simulator = await simulatorFor(t)
  await pair(simulator, '15550100')

  assert.throws(() => simulator.breakConnection('15550100', '500'), { code: 'NOT_CONNECTED' })
})
