import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { test } from 'node:test'
import { BufferJSON } from '@whiskeysockets/baileys'
import { KNOWN_KILLERS } from '../../../local/whatsapp/damage/generator.ts'
import type { Simulator } from '../../../local/whatsapp/simulator.ts'
import { connect, eventually, loggedIn, pair, simulatorFor } from './baileys-client.ts'
import type { Told } from './client-process.ts'

const DEVICE = '15550100101'

/** The client in a process of its own, and what it has told so far. */
async function clientProcess(test: { after(end: () => void): void }, simulator: Simulator) {
  const { creds } = await pair(simulator, DEVICE)
  const script = new URL('./client-process.ts', import.meta.url)
  const child = fork(script, [simulator.url, JSON.stringify(creds, BufferJSON.replacer)], { stdio: 'ignore' })
  test.after(() => void child.kill('SIGKILL'))
  const told: Told[] = []
  child.on('message', (message) => told.push(message as Told))
  return {
    told,
    opened: (times: number) =>
      eventually(`${times} openings`, () => told.filter((one) => one.told === 'open').length >= times),
  }
}

test('each of the known killers is an uncaught error in a plain client', async (t) => {
  const simulator = await simulatorFor(t)
  const client = await clientProcess(t, simulator)
  const uncaught = () => client.told.filter(({ told }) => told === 'uncaught').length

  for (const from of KNOWN_KILLERS.keys()) {
    await client.opened(from + 1)
    const { sent } = await simulator.damage(DEVICE, { seed: 1, count: 1, from })
    await eventually(sent[0]?.name ?? '', () => uncaught() > from)
  }

  assert.equal(uncaught(), KNOWN_KILLERS.length)
})

test('damage is reported by name and place', async (t) => {
  const simulator = await simulatorFor(t)
  await loggedIn(simulator, await pair(simulator, DEVICE))

  const { sent, next, cutShort } = await simulator.damage(DEVICE, {
    seed: 3,
    count: 8,
    only: 'presence available: stray attribute',
  })

  assert.equal(sent.length, 8)
  assert.equal(next, 8)
  assert.equal(cutShort, false)
  assert.match(sent[0]?.name ?? '', /^presence available: stray attribute /)
})

test('damage stops when the socket is gone, and says where to continue', async (t) => {
  const simulator = await simulatorFor(t)
  const device = await loggedIn(simulator, await pair(simulator, DEVICE))

  const options = { seed: 3, count: 8, only: 'xmlstreamend: stray attribute' }
  const { sent, next, cutShort } = await simulator.damage(DEVICE, options, { everyMs: 300 })

  assert.equal(await device.closed(), 428)
  assert.equal(sent.length, next)
  assert.equal(cutShort, true)
})

test('each damage has the outcome of the client, and the damage that ended the client is the last', async (t) => {
  const simulator = await simulatorFor(t)
  const client = await clientProcess(t, simulator)
  await client.opened(1)
  const pace = { probeMs: 3000, everyMs: 200 }

  const harmless = { seed: 1, count: 2, only: 'presence available: stray attribute' }
  const alive = await simulator.damage(DEVICE, harmless, pace)
  const ended = await simulator.damage(DEVICE, { seed: 1, count: 2, only: 'node: an empty plaintext' }, pace)
  await client.opened(2)
  const endless = { seed: 1, count: 2, only: 'frame of 16 MB that never comes' }
  const silent = await simulator.damage(DEVICE, endless, { probeMs: 500 })

  const outcomesOf = ({ sent }: typeof alive) => sent.map(({ outcome }) => outcome)
  assert.deepEqual(outcomesOf(alive), ['alive', 'alive'])
  assert.deepEqual(outcomesOf(ended), ['ended'])
  assert.deepEqual(outcomesOf(silent), ['silent'])
  await client.opened(3)
})

test('a device without a socket cannot be damaged', async (t) => {
  const simulator = await simulatorFor(t)
  await pair(simulator, DEVICE)

  await assert.rejects(async () => simulator.damage(DEVICE, { seed: 1, count: 1 }), { code: 'NOT_CONNECTED' })
})

test('a garbled message that a contact encrypted correctly reaches the client, which requests it again', async (t) => {
  const simulator = await simulatorFor(t)
  await loggedIn(simulator, await pair(simulator, DEVICE))

  await simulator.damage(DEVICE, { seed: 1, count: 1, only: 'encrypted message: nothing at all' })

  await eventually('a retry', () => simulator.report().messages.retries === 1)
})

for (const phase of ['handshake', 'opening', 'offline'] as const) {
  test(`damage at login, ${phase}: the device logs in anyway when the damage is harmless`, async (t) => {
    const simulator = await simulatorFor(t)
    const credentials = await pair(simulator, DEVICE)

    simulator.misbehave(DEVICE, {
      what: 'login-damage',
      phase,
      damage: { seed: 1, count: 5, only: 'presence available: stray attribute' },
    })
    await loggedIn(simulator, credentials)

    await eventually('the damage', () => simulator.misdeeds()[0]?.used === 1)
  })
}

test('damage in place of success keeps the device from logging in', async (t) => {
  const simulator = await simulatorFor(t)
  const credentials = await pair(simulator, DEVICE)

  simulator.misbehave(
    DEVICE,
    {
      what: 'login-damage',
      phase: 'success',
      damage: { seed: 1, count: 1, only: 'failure 503: as it should be' },
    },
    { times: 1 },
  )

  assert.equal(await connect(simulator, credentials).closed(), 503)
  await loggedIn(simulator, credentials)
})

test('a newcomer gets its QR codes after harmless damage', async (t) => {
  const simulator = await simulatorFor(t)

  simulator.misbehave('*', {
    what: 'login-damage',
    phase: 'pairing',
    damage: { seed: 1, count: 3, only: 'chatstate composing: stray attribute' },
  })
  await pair(simulator, DEVICE)

  assert.equal(simulator.misdeeds()[0]?.used, 1)
})

test('a damaged hello reaches only the targeted device, at its next connection', async (t) => {
  const simulator = await simulatorFor(t)
  const credentials = await pair(simulator, DEVICE)
  const other = await pair(simulator, '15550100102')
  const device = await loggedIn(simulator, credentials)

  simulator.misbehave(
    DEVICE,
    { what: 'login-damage', phase: 'hello', damage: { seed: 1, count: 1, only: 'certificates: no leaf' } },
    { times: 1 },
  )
  await eventually('the routing', () => credentials.creds.routingInfo !== undefined)
  device.socket.end(undefined)
  await device.closed()

  await loggedIn(simulator, other)
  assert.equal(await connect(simulator, credentials).closed(), 400)
  await loggedIn(simulator, credentials)
})
