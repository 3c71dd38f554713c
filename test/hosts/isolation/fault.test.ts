/** An uncaught error in the work of a device's socket: it ends that socket alone, and is stored with the
 *  device. */
import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { after, before, test } from 'node:test'
import { systemClock } from '../../../core/clock.ts'
import { readHistory } from '../../../core/telemetry/history.ts'
import { attributeErrors } from '../../../hosts/isolation/attribution.ts'
import type { Consumer } from '../../../hosts/messages/consumer.ts'
import { explain } from '../../../lambdas/api/answers/explanation.ts'
import { recordingTelemetry } from '../auth-state/fixtures.ts'
import { aLinkedDevice } from '../device/refusing-whatsapp.ts'
import { type Harbour, startHarbour } from '../server/server-under-test.ts'

const WORDS =
  /^an error in this socket's own work ended it \(950 fault\): Error: broken by a message \(isolation\/fault\.test\.ts/

let harbour: Harbour
before(async () => {
  harbour = await startHarbour()
})
after(() => harbour.close())

test('an uncaught error is recorded with its device, which connects again; the neighbour stays connected', async () => {
  const { telemetry, events } = recordingTelemetry()
  const errors = new EventEmitter()
  const ends: unknown[] = []
  attributeErrors(errors, { clock: systemClock, telemetry }, (error) => ends.push(error))
  let isBroken = false
  const consumer: Consumer = {
    async take() {
      if (isBroken) return
      isBroken = true
      // An error in work that nobody awaits reaches the process in this way.
      setImmediate(() => errors.emit('uncaughtException', new Error('broken by a message')))
    },
  }
  const backoff = { baseMs: 3000, capMs: 3000 }
  const server = harbour.startServer('web', { telemetry, consumer, backoff })
  const faulty = await aLinkedDevice(harbour, server, 'faulty')
  const neighbour = await aLinkedDevice(harbour, server, 'neighbour')
  const { epoch } = await harbour.row(neighbour.device)

  await harbour.simulator.text(faulty.jid, 'ahoy')
  const row = await harbour.rowWhen(
    'the fault is told',
    faulty.device,
    ({ status }) => status === 'disconnected',
  )
  await harbour.rowWhen('connected again', faulty.device, ({ status }) => status === 'connected')

  assert.match(row.statusReason ?? '', WORDS)
  const told = explain(row, { nowMs: systemClock.wallMs(), fenceAfterMs: 8000 })
  assert.match(told ?? '', /950 fault\): Error: broken by a message/)
  const { rows } = await readHistory(harbour.store, faulty.device, 20)
  assert.ok(rows.some(({ event, why }) => event === 'disconnected' && WORDS.test(why ?? '')))
  const [fault] = events.filter(({ event }) => event === 'device.fault')
  assert.equal(fault?.fields?.deviceId, faulty.device)
  assert.match(String(fault?.fields?.from), /fault\.test\.ts/)
  assert.deepEqual(ends, [])
  assert.equal((await harbour.row(neighbour.device)).epoch, epoch)
})
