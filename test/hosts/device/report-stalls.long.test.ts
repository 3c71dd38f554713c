/** Work that WhatsApp or the store never answers, with the real client: the stall is told and healed, and
 *  nothing is lost. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '../../../core/clock.ts'
import { type DeviceId, deviceId } from '../../../core/ids.ts'
import type { Store } from '../../../core/store/store.ts'
import { readHistory } from '../../../core/telemetry/history.ts'
import type { Consumer } from '../../../hosts/messages/consumer.ts'
import { explain } from '../../../lambdas/api/answers/explanation.ts'
import { recordingTelemetry, watched } from '../auth-state/fixtures.ts'
import { type Harbour, type ServerOptions, startHarbour, until } from '../server/server-under-test.ts'

/** A fraction of the real times, and longer than a request to a busy database takes. */
const STALL_AFTER_MS = 4000
const QUERY_MS_MAX = 1500
const CONTACT = '15550100150'
const TIMEOUT = { timeout: 60_000 }

let harbour: Harbour
let devices = 0
before(async () => {
  harbour = await startHarbour()
})
after(() => harbour.close())

describe('work of a socket that is not answered', { concurrency: 2 }, () => {
  test(
    'a send whose queries about its contact are never answered: told in words, healed, and confirmed once',
    TIMEOUT,
    async () => {
      const { device, server, account, events } = await aConnectedDevice()
      const { epoch } = await harbour.row(device)
      neverAnswer(account, 'usync')

      const sent = server.send(device, aText(CONTACT, 'STALL-0001'))
      const row = await harbour.rowWhen('the stall is told', device, ({ stall }) => stall !== undefined)
      lift(account)
      await sent

      assert.match(row.stall?.why ?? '', /WhatsApp's answer about the number of its contact/)
      assert.match(explanation(row) ?? '', /stalled/)
      const healed = await harbour.rowWhen(
        'a new socket',
        device,
        (now) => now.epoch > epoch && now.status === 'connected',
      )
      assert.match(
        explanation(healed) ?? '',
        /it is connected; it was stalled from .* to .*WhatsApp's answer about the number/,
      )
      assert.deepEqual(idsAt(account), ['STALL-0001'])
      assert.deepEqual(
        events('device.stalled').map(({ fields }) => fields?.kind),
        ['send'],
      )
      const history = await readHistory(harbour.store, device, 20)
      assert.ok(
        history.rows.some(({ event, why }) => event === 'stalled' && /number of its contact/.test(why)),
      )
      assert.ok(history.rows.some(({ event, why }) => event === 'disconnected' && /951/.test(why)))
    },
  )

  test('a send whose query about keys is never answered', TIMEOUT, async () => {
    const { device, server, account } = await aConnectedDevice()
    neverAnswer(account, 'key')

    const sent = server.send(device, aText('15550100151', 'STALL-0002'))
    const row = await harbour.rowWhen('the stall is told', device, ({ stall }) => stall !== undefined)
    lift(account)
    await sent

    assert.match(row.stall?.why ?? '', /WhatsApp's answer about the/)
    assert.deepEqual(idsAt(account), ['STALL-0002'])
  })

  test(
    'a message that WhatsApp never confirms is sent again over a new socket, and read once',
    TIMEOUT,
    async () => {
      const { device, server, account } = await aConnectedDevice()
      harbour.simulator.misbehave(account, { what: 'ack', answer: 'never' })

      const sent = server.send(device, aText(CONTACT, 'STALL-0003'))
      const row = await harbour.rowWhen('the stall is told', device, ({ stall }) => stall !== undefined)
      lift(account)
      await sent

      assert.match(row.stall?.why ?? '', /WhatsApp has not confirmed a message/)
      assert.deepEqual(idsAt(account), ['STALL-0003'])
    },
  )

  test(
    'receiving goes on while a query is not answered, and while its socket is replaced',
    TIMEOUT,
    async () => {
      const taken: string[] = []
      const { device, server, account } = await aConnectedDevice({ consumer: writing(taken) })
      neverAnswer(account, 'usync')
      const sent = server.send(device, aText(CONTACT, 'STALL-0004'))

      await harbour.simulator.text(account, 'before')
      await until('it is received', async () => taken.includes('before'))
      const beforeStall = await harbour.row(device)
      await harbour.rowWhen('the stall is told', device, ({ stall }) => stall !== undefined)
      await harbour.simulator.text(account, 'during')
      lift(account)
      await sent
      await until('it is received, too', async () => taken.includes('during'))

      assert.equal(beforeStall.stall, undefined)
      assert.deepEqual(taken, ['before', 'during'])
    },
  )

  test('a text that is sent while the socket stalls arrives once', TIMEOUT, async () => {
    const { device, server, account } = await aConnectedDevice()
    neverAnswer(account, 'usync')
    const ids = ['A', 'B', 'C', 'D'].map((name) => `STALL-005${name}`)

    const sent = ids.map((id) => server.send(device, aText(CONTACT, id)))
    await harbour.rowWhen('the stall is told', device, ({ stall }) => stall !== undefined)
    const late = server.send(device, aText(CONTACT, 'STALL-005E'))
    lift(account)
    await Promise.all([...sent, late])

    assert.deepEqual(idsAt(account).sort(), [...ids, 'STALL-005E'])
  })

  test('six contacts that WhatsApp never answers for do not hold up the seventh', TIMEOUT, async () => {
    const { device, server, account } = await aConnectedDevice()
    const silent = ['0', '1', '2', '3', '4', '5'].map((digit) => `1555010016${digit}`)
    for (const number of silent) neverAnswer(account, 'usync', number)

    const waiting = silent.map((to, at) => server.send(device, aText(to, `SILENT-000${at}`)))
    await server.send(device, aText('15550100167', 'SEVENTH-01'))
    const beforeStall = await harbour.row(device)
    const first = idsAt(account)
    lift(account)
    await Promise.all(waiting)

    assert.deepEqual(first, ['SEVENTH-01'])
    assert.equal(beforeStall.stall, undefined)
    assert.equal(idsAt(account).length, 7)
  })

  test(
    'a request of the auth state that never ends: told, and the device goes on over a new socket',
    TIMEOUT,
    async () => {
      const hanging = { sessions: false }
      const { device, server, account } = await aConnectedDevice({ store: hangingStore(hanging) })
      await server.send(device, aText(CONTACT, 'STALL-0061'))
      hanging.sessions = true

      const sent = server.send(device, aText(CONTACT, 'STALL-0062'))
      const row = await harbour.rowWhen('the stall is told', device, ({ stall }) => stall !== undefined)
      hanging.sessions = false
      await sent

      assert.match(row.stall?.why ?? '', /auth state does not answer/)
      assert.deepEqual(idsAt(account), ['STALL-0061', 'STALL-0062'])
    },
  )

  test('a login that WhatsApp never completes is told, and tried again', TIMEOUT, async () => {
    const { device, server, account } = await aConnectedDevice({ queryMsMax: 5000 })
    neverAnswer(account, '*')
    harbour.simulator.breakConnection(account, '428')

    const row = await harbour.rowWhen('the stall is told', device, ({ statusReason }) =>
      /951/.test(statusReason ?? ''),
    )
    lift(account)

    assert.match(row.statusReason ?? '', /stalled: WhatsApp (answers no query|has not let it log in)/)
    await harbour.rowWhen('connected', device, ({ status }) => status === 'connected')
    assert.equal(server.health().connected, 1)
  })
})

async function aConnectedDevice(options: ServerOptions = {}) {
  const { telemetry, events: emitted } = recordingTelemetry()
  const server = harbour.startServer(`web-${devices + 1}`, {
    stallAfterMs: STALL_AFTER_MS,
    queryMsMax: QUERY_MS_MAX,
    telemetry,
    ...options,
  })
  const device = deviceId(`stalling-${devices + 1}`)
  const phone = `155501001${String(devices++).padStart(2, '0')}`
  await harbour.register(device)
  await harbour.give(device, server)
  const { pairing } = await harbour.rowWhen('a QR', device, (row) => row.pairing?.qr !== undefined)
  await harbour.simulator.scanQr(pairing?.qr ?? '', phone)
  const { account } = await harbour.rowWhen('connected', device, ({ status }) => status === 'connected')
  const events = (name: string) => emitted.filter(({ event }) => event === name)
  return { device, server, account: account?.jid ?? '', events }
}

function aText(to: string, messageId: string) {
  return { to, text: `text of ${messageId}`, messageId }
}

function idsAt(account: string): string[] {
  return harbour.simulator.received(account).map(({ id }) => id)
}

function explanation(row: Awaited<ReturnType<Harbour['row']>>): string | undefined {
  return explain(row, { nowMs: systemClock.wallMs(), fenceAfterMs: 8000 })
}

function writing(taken: string[]): Consumer {
  return {
    take: async (_: DeviceId, messages) =>
      void taken.push(
        ...messages.map(({ message }) => (message as { conversation?: string }).conversation ?? ''),
      ),
  }
}

/** Requests about sessions do not end until the test says so. */
function hangingStore(hanging: { sessions: boolean }): Store {
  const never = new Promise<never>(() => undefined)
  return watched(harbour.store, (request) =>
    hanging.sessions && request.includes('/session/') ? never : undefined,
  )
}

function neverAnswer(account: string, kind: string, about?: string): void {
  harbour.simulator.misbehave(account, { what: 'query', kind, about, answer: 'never' })
}

function lift(account: string): void {
  const mine = harbour.simulator.misdeeds().filter(({ target }) => target === account)
  for (const { id } of mine) harbour.simulator.lift(id)
}
