import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import { type Client, eventually, loggedIn, pair, simulatorFor } from '../local/whatsapp/baileys-client.ts'
import { createEvildoer } from './evil.ts'
import { createRecord } from './record.ts'

const LONG_MS = 60_000

test('a misdeed strikes a device, closes its socket for a login, and is lifted when it is over', async (t) => {
  const { simulator, evildoer, record, client, jid } = await scene(t)
  const misdeed = { what: 'refuse-login', reason: '503' } as const
  const evil = { kind: 'misdeed', what: 'refused', pick: 0, misdeed, lastsMs: 600, provoke: 'login' } as const

  const striking = evildoer.strike(evil)
  assert.deepEqual(
    simulator.misdeeds().map(({ target, misdeed }) => [target, misdeed]),
    [[jid, misdeed]],
  )
  assert.equal(await client.closed(), 428)

  assert.deepEqual(await striking, { what: 'refused', times: 1 })
  assert.deepEqual(simulator.misdeeds(), [])
  const [strike] = record.deviceStrikes
  assert.equal(strike?.account, jid)
  assert.equal(strike?.what, 'refused')
  assert.ok(strike?.untilMs !== undefined)
})

test('a calm ends a misdeed that would last', async (t) => {
  const { simulator, evildoer } = await scene(t)
  const striking = evildoer.strike({
    kind: 'misdeed',
    what: 'silent',
    pick: 0,
    misdeed: { what: 'silence' },
    lastsMs: LONG_MS,
  })
  assert.equal(simulator.misdeeds().length, 1)
  evildoer.calm()
  await striking
  assert.deepEqual(simulator.misdeeds(), [])
})

test('a device under a misdeed gets no second one, and a device that would wait for long is started', async (t) => {
  const { evildoer, started } = await scene(t)
  const misdeed = { what: 'refuse-login', reason: '405' } as const
  const evil = {
    kind: 'misdeed',
    what: 'refused',
    pick: 0,
    misdeed,
    lastsMs: 100,
    startedAfter: true,
  } as const
  const striking = evildoer.strike(evil)
  assert.equal(await evildoer.strike(evil), undefined)
  await striking
  assert.deepEqual(started, ['device-1'])
})

test('damage is counted as it was sent, and strikes no device that was not online', async (t) => {
  const { simulator, evildoer, record, jid, client } = await scene(t)
  const damage = { seed: 1, count: 3, from: 100, ending: false }
  const done = await evildoer.strike({ kind: 'damage', pick: 0, damage, everyMs: 0 })
  assert.deepEqual(done, { what: 'damaged stanzas, frames and payloads', times: 3 })
  assert.deepEqual(
    record.deviceStrikes.map(({ account }) => account),
    [jid],
  )
  client.socket.end(undefined)
  await client.closed()
  await eventually('the end of its socket', () => simulator.accounts()[0]?.connectedTo === undefined)
  assert.equal(await evildoer.strike({ kind: 'damage', pick: 0, damage, everyMs: 0 }), undefined)
})

test('contacts write by LID and in a group of contacts alone, and ask again for messages that they had', async (t) => {
  const { simulator, evildoer, client, jid } = await scene(t)
  const nothing = await evildoer.strike({ kind: 'asked again', pick: 0, byLid: true })
  assert.equal(nothing, undefined, 'it has not written yet')
  await evildoer.strike({ kind: 'texted by LID', pick: 0, contact: 0, alternate: false })
  for (const contact of [0, 0.9])
    await evildoer.strike({ kind: 'texted in a group', pick: 0, contact, byLid: true })
  await eventually('three texts', () => client.texts.length === 3)
  assert.equal(simulator.groups().length, 1)

  await client.socket.sendMessage('1555019900001@s.whatsapp.net', { text: 'hello' })
  await eventually('its text', () => simulator.received(jid).length === 1)
  const asked = new Promise((resolve) => client.socket.ws.on('CB:receipt,type:retry', resolve))
  const done = await evildoer.strike({ kind: 'asked again', pick: 0, byLid: false })
  assert.deepEqual(done, { what: 'asked again', times: 1 })
  await asked
})

interface Scene {
  readonly simulator: Awaited<ReturnType<typeof simulatorFor>>
  readonly evildoer: ReturnType<typeof createEvildoer>
  readonly record: ReturnType<typeof createRecord>
  readonly client: Client
  readonly jid: string
  readonly started: string[]
}

async function scene(t: TestContext): Promise<Scene> {
  const simulator = await simulatorFor(t)
  const client = await loggedIn(simulator, await pair(simulator))
  const jid = simulator.accounts()[0]?.jid ?? ''
  const record = createRecord(() => systemClock.wallMs())
  const started: string[] = []
  const fleet = {
    simulator,
    linked: () => [{ deviceId: 'device-1', jid }],
    start: async (id: string) => void started.push(id),
  }
  const evildoer = createEvildoer(fleet, record, systemClock)
  t.after(() => evildoer.calm())
  return { simulator, evildoer, record, client, jid, started }
}
