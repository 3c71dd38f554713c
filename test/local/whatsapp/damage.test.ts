import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { test } from 'node:test'
import { BufferJSON } from '@whiskeysockets/baileys'
import {
  type Damage,
  type DamageWish,
  KNOWN_KILLERS,
  makeDamageSource,
} from '../../../local/whatsapp/damage/generator.ts'
import { handshakeDamageNames } from '../../../local/whatsapp/damage/handshake.ts'
import type { Simulator } from '../../../local/whatsapp/simulator.ts'
import { connect, eventually, loggedIn, pair, simulatorFor } from './baileys-client.ts'
import type { Told } from './client-process.ts'

const DEVICE = '15550100101'
const CAST = {
  me: '15550100101:1@s.whatsapp.net',
  meLid: '100015550100101:1@lid',
  contact: '15550100199@s.whatsapp.net',
  contactLid: '100015550100199@lid',
  group: '120363000000000000@g.us',
  t: '1764194400',
}
const damages = (wish: DamageWish): Damage[] => makeDamageSource()(wish, CAST)

/** The client in a process of its own, with what it has told so far. */
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

test('the same seed gives the same damage, and another seed another order', () => {
  const first = damages({ seed: 4, count: 300 })

  assert.deepEqual(damages({ seed: 4, count: 300 }), first)
  assert.notDeepEqual(
    damages({ seed: 5, count: 300 }).map(({ name }) => name),
    first.map(({ name }) => name),
  )
})

test('what ended whole servers once comes first, whatever the seed', () => {
  const names = damages({ seed: 99, count: KNOWN_KILLERS.length }).map(({ name }) => name)

  assert.deepEqual(names, KNOWN_KILLERS)
})

test('one that is named comes again by its name, and a caller goes on where it stopped', () => {
  const twenty = damages({ seed: 7, count: 20 })

  assert.deepEqual(damages({ seed: 7, count: 5, from: 15 }), twenty.slice(15))
  assert.equal(damages({ seed: 7, count: 1, only: twenty[12]?.name ?? '' })[0]?.name, twenty[12]?.name)
  assert.deepEqual(damages({ seed: 7, count: 1, only: 'no such damage' }), [])
})

test('a few hundred touch every kind of stanza, frame and payload', () => {
  const names = damages({ seed: 1, count: 400 }).map(({ name }) => name)
  const kinds = [
    ...[
      'message from',
      'message of a group',
      'message by LID',
      'receipt that asks again',
      'ack of a message',
    ],
    ...[
      'notification of few pre-keys',
      'notification of devices',
      'notification of a group',
      'notification mex',
    ],
    ...[
      'iq result',
      'iq error',
      'iq pair-device',
      'iq pair-success',
      'ib offline',
      'ib edge_routing',
      'call offer',
    ],
    ...[
      'presence',
      'chatstate',
      'success',
      'failure',
      'stream:error',
      'xmlstreamend',
      'frame',
      'node',
      'encrypted',
    ],
  ]

  assert.deepEqual(
    kinds.filter((kind) => !names.some((name) => name.startsWith(kind))),
    [],
  )
})

test('what ends the socket by its meaning can be left out', () => {
  const names = damages({ seed: 1, count: 3000, ending: false }).map(({ name }) => name)

  assert.deepEqual(
    names.filter((name) => /^(stream:error|failure|xmlstreamend|frame )/.test(name)),
    [],
  )
})

test('each of the known killers gets out of a plain client', async (t) => {
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

test('damage is told by name and place', async (t) => {
  const simulator = await simulatorFor(t)
  await loggedIn(simulator, await pair(simulator, DEVICE))

  const { sent, next, cutShort } = await simulator.damage(DEVICE, {
    seed: 3,
    count: 8,
    only: 'presence available: stray attribute',
  })

  assert.equal(sent.length, 8)
  assert.deepEqual({ next, cutShort }, { next: 8, cutShort: false })
  assert.match(sent[0]?.name ?? '', /^presence available: stray attribute /)
})

test('damage stops when the socket is gone, and says where to go on', async (t) => {
  const simulator = await simulatorFor(t)
  const device = await loggedIn(simulator, await pair(simulator, DEVICE))

  const wish = { seed: 3, count: 8, only: 'xmlstreamend: stray attribute' }
  const { sent, next, cutShort } = await simulator.damage(DEVICE, wish, 300)

  assert.equal(await device.closed(), 428)
  assert.equal(sent.length, next)
  assert.equal(cutShort, true)
})

test('a device without a socket cannot be damaged', async (t) => {
  const simulator = await simulatorFor(t)
  await pair(simulator, DEVICE)

  await assert.rejects(async () => simulator.damage(DEVICE, { seed: 1, count: 1 }), { code: 'NOT_CONNECTED' })
})

test('a garbled message that a contact encrypted correctly reaches the client, which asks for it again', async (t) => {
  const simulator = await simulatorFor(t)
  await loggedIn(simulator, await pair(simulator, DEVICE))

  await simulator.damage(DEVICE, { seed: 1, count: 1, only: 'encrypted message: nothing at all' })

  await eventually('a retry', () => simulator.report().messages.retries === 1)
})

for (const phase of ['handshake', 'opening', 'offline'] as const) {
  test(`damage at login, ${phase}: the device logs in all the same when it can bear it`, async (t) => {
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

test('damage before a newcomer gets its codes leaves it its codes', async (t) => {
  const simulator = await simulatorFor(t)

  simulator.misbehave('*', {
    what: 'login-damage',
    phase: 'pairing',
    damage: { seed: 1, count: 3, only: 'chatstate composing: stray attribute' },
  })
  await pair(simulator, DEVICE)

  assert.equal(simulator.misdeeds()[0]?.used, 1)
})

test('a bad hello reaches the one device that is meant, at its next connection', async (t) => {
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

test('the hello goes wrong in some thirty ways, each with a name of its own', () => {
  const names = handshakeDamageNames()

  assert.equal(new Set(names).size, names.length)
  assert.ok(names.length >= 30)
})
