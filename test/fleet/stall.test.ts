/** A query that WhatsApp never answers, with real processes: told, healed within a minute, and nothing
 *  lost. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { DeviceRow } from '../../core/store/device-row.ts'
import { startMooring } from '../cli/mooring-command.ts'
import { startApplication, type TestApplication, textOf } from './application.ts'
import { startTestFleet, type TestFleet } from './fleet-under-test.ts'
import { until } from './until.ts'

const SECRET = 'a secret of messages, for a test'
const CONTACT = '15550100150'
const HEALED_MS_MAX = 60_000

let application: TestApplication
let fleet: TestFleet
before(async () => {
  application = await startApplication()
  fleet = await startTestFleet({ servers: 1, messages: { url: application.url, secret: SECRET } })
})
after(async () => {
  await fleet?.close()
  application?.close()
})

function mooring(...args: string[]) {
  const variables = { MOORING_URL: fleet.apiUrl, MOORING_API_KEY: fleet.apiKey, MESSAGES_SECRET: SECRET }
  return startMooring(args, variables).ended
}

async function rowOf(device: DeviceRow['deviceId']): Promise<DeviceRow> {
  return (await fleet.devices([device]))[0] ?? assert.fail(`no device ${device}`)
}

test('a query that is never answered is told by `mooring device show`, is healed in time, and loses nothing', {
  timeout: 180_000,
}, async (context) => {
  const [stalling, other] = await fleet.linkDevices(2)
  assert.ok(stalling && other)
  const [first, neighbour] = [await rowOf(stalling), await rowOf(other)]
  const jid = first.account?.jid ?? ''
  const never = fleet.simulator.misbehave(jid, { what: 'query', kind: 'usync', answer: 'never' })

  const askedAt = performance.now()
  const sent = mooring('device', 'send', stalling, CONTACT, 'ahoy')
  await fleet.simulator.text(jid, 'before', CONTACT)
  await until('it is told', 35_000, async () => (await rowOf(stalling)).stall)
  const toldMs = performance.now() - askedAt
  const shown = mooring('device', 'show', stalling)
  await fleet.simulator.text(jid, 'during', CONTACT)
  fleet.simulator.lift(never.id)
  const { exit, out, err } = await sent
  const healed = await fleet.untilConnected([stalling])
  const healedMs = performance.now() - askedAt
  await until('what was received', 20_000, async () => application.of(stalling).length >= 2)

  const words = (await shown).out
  context.diagnostic(`told after ${Math.round(toldMs)} ms, healed after ${Math.round(healedMs)} ms`)
  context.diagnostic(words)
  assert.match(words, /^explanation .*stalled.*WhatsApp's answer about the devices of its contact/m)
  assert.match(words, /^last stall .*WhatsApp's answer about the devices of its contact/m)
  assert.ok(toldMs < 30_000, `told after ${toldMs} ms`)
  assert.ok(healedMs < HEALED_MS_MAX, `healed after ${healedMs} ms`)
  assert.equal(exit, 0, err)
  assert.match(out, /^Sent\./)
  assert.deepEqual(
    fleet.simulator.received(jid).map(({ text }) => text),
    ['ahoy'],
  )
  assert.deepEqual(application.of(stalling).map(textOf), ['before', 'during'])
  assert.ok((healed[0]?.epoch ?? 0) > first.epoch, 'a socket under a new permit')
  assert.equal((await rowOf(other)).epoch, neighbour.epoch, 'the other device keeps its socket')
})
