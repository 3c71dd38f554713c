import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { EventName } from '../../../core/catalogue.ts'
import { systemClock } from '../../../core/clock.ts'
import { start } from '../../../core/requests/device-requests.ts'
import { readHistory } from '../../../core/telemetry/history.ts'
import type { RunningServer } from '../../../hosts/server/server.ts'
import { recordingTelemetry } from '../auth-state/fixtures.ts'
import { type Harbour, startHarbour } from '../server/server-under-test.ts'
import {
  aLinkedDevice,
  asTheApiTells,
  failure,
  type LinkedDevice,
  type Refusal,
  refuseLogins,
  refuseVersionsBelow,
  streamError,
} from './refusing-whatsapp.ts'

const AT_ONCE = { concurrency: 8 }
const SOON = { baseMs: 200, capMs: 1000 }
const { telemetry, events } = recordingTelemetry()

let harbour: Harbour
let server: RunningServer
before(async () => {
  harbour = await startHarbour()
  server = harbour.startServer('web', { backoff: SOON, telemetry, clientVersion: [2, 3000, 100] })
})
after(() => harbour.close())

/** A device that was connected, lost its socket, and has been refused since. */
async function aRefusedDevice(id: string, answer: Refusal) {
  const linked = await aLinkedDevice(harbour, server, id)
  const refusals = refuseLogins(harbour, linked.jid, answer)
  harbour.simulator.breakConnection(linked.jid, '428')
  return { ...linked, ...refusals }
}

/** The words of the row, and the event that is emitted. */
const PASSING: [what: string, answer: Refusal, says: RegExp, event?: EventName][] = [
  ['400', failure(400), /refuses the login without a reason \(400 generic\)/, 'device.login_refused'],
  ['408', streamError(408), /did not answer in time \(408 timed_out\)/],
  ['413', failure(413), /token has expired \(413 client_token_expired\)/, 'device.login_refused'],
  ['414', failure(414), /token is invalid \(414 client_token_invalid\)/, 'device.login_refused'],
  ['415', failure(415), /does not find this device \(415 not_found\)/, 'device.login_refused'],
  ['418', failure(418), /does not know this client \(418 client_unknown\)/, 'device.login_refused'],
  ['500', failure(500), /an error of its own \(500 internal_error\)/],
  ['no reason', failure(), /an error of its own \(500 internal_error\)/],
  ['501', failure(501), /for a trial \(501 experimental\)/, 'device.login_refused'],
  ['503', failure(503), /not available at the moment \(503 unavailable\)/],
  ['503 later', streamError(503), /not available at the moment \(503 unavailable\)/],
  ['429', failure(429), /does not know \(429 unknown\)/, 'device.login_refused'],
  ['599', failure(599), /does not know \(599 unknown\)/, 'device.login_refused'],
  ['a huge one', failure(4e15), /cannot be read \(953 unreadable\)/, 'device.login_refused'],
  ['one of ours', failure(950), /cannot be read \(953 unreadable\)/, 'device.login_refused'],
]

/** A device meets several refusals in turn, since linking takes longer than a refusal. */
const DEVICES = [0, 5, 10].map((at) => PASSING.slice(at, at + 5))

describe('a refusal that can pass is told in words, and then the device logs in:', AT_ONCE, () => {
  for (const [number, codes] of DEVICES.entries()) {
    describe(`device ${number}`, () => {
      let linked: LinkedDevice
      before(async () => {
        linked = await aLinkedDevice(harbour, server, `passing-${number}`)
      })

      for (const [what, answer, says, event] of codes) {
        test(what, async () => {
          const { device, jid } = linked
          const { lift } = refuseLogins(harbour, jid, answer)
          harbour.simulator.breakConnection(jid, '428')

          const row = await harbour.rowWhen('refused', device, ({ statusReason = '' }) =>
            says.test(statusReason),
          )
          const { explanation = '' } = await asTheApiTells(harbour, device)
          lift()
          await harbour.rowWhen('connected again', device, ({ status }) => status === 'connected')

          assert.equal(row.desired, 'running')
          assert.match(explanation, says)
          const { rows } = await readHistory(harbour.store, device, 20)
          assert.ok(rows.some(({ why }) => says.test(why)))
          const told = events.filter(
            ({ event: name, fields }) => name === event && says.test(String(fields?.why)),
          )
          assert.equal(told.length > 0, event !== undefined)
        })
      }
    })
  }
})

const FINAL: [what: string, answer: Refusal, status: string, says: RegExp, event: EventName][] = [
  ['401', failure(401), 'logged_out', /logged the device out \(401 logged_out\)/, 'device.logged_out'],
  [
    '401 as a removal',
    streamError(401, 'device_removed'),
    'logged_out',
    /\(401 device_removed\)/,
    'device.logged_out',
  ],
  [
    'a removal without a code',
    streamError(undefined, 'device_removed'),
    'logged_out',
    /\(401 device_removed\)/,
    'device.logged_out',
  ],
  ['406', failure(406), 'logged_out', /does not say why \(406 logged_out_unknown\)/, 'device.logout_unknown'],
  ['403', failure(403), 'stopped', /\(403 main_device_gone\)/, 'device.login_refused'],
  [
    '411',
    { tag: 'ib', children: ['downgrade_webclient'] },
    'stopped',
    /\(411 multi_device_mismatch\)/,
    'device.login_refused',
  ],
]

describe('a final refusal stops the device, and keeps its credentials:', AT_ONCE, () => {
  for (const [what, answer, status, says, event] of FINAL) {
    test(what, async () => {
      const linked = await aLinkedDevice(harbour, server, `final-${what.replaceAll(' ', '-')}`)
      const { credentialsId } = await harbour.row(linked.device)
      refuseLogins(harbour, linked.jid, answer)
      harbour.simulator.breakConnection(linked.jid, '428')

      const row = await harbour.rowWhen(status, linked.device, (now) => now.status === status)

      assert.equal(row.desired, 'stopped')
      assert.match(row.statusReason ?? '', says)
      assert.doesNotMatch(row.statusReason ?? '', /440|conflict/)
      assert.match((await asTheApiTells(harbour, linked.device)).explanation ?? '', says)
      const kept = await harbour.store.get('AuthState', {
        deviceId: linked.device,
        key: `${credentialsId}/creds`,
      })
      assert.ok(kept)
      assert.equal(row.credentialsId === credentialsId, status === 'stopped')
      assert.ok(
        events.some(({ event: name, fields }) => name === event && fields?.deviceId === linked.device),
      )
    })
  }
})

test('a close that says `replaced` is a conflict, whatever its code is', async () => {
  const answer = streamError(401, 'replaced')
  const { device, lift } = await aRefusedDevice('replaced', answer)
  const row = await harbour.rowWhen('told', device, ({ conflicts }) => conflicts !== undefined)
  lift()
  assert.match(row.statusReason ?? '', /\(440 replaced\)/)
  await harbour.rowWhen('connected again', device, ({ status }) => status === 'connected')
})

describe('a temporary ban', AT_ONCE, () => {
  const isBanned = ({ refusedUntil }: { refusedUntil?: number }) => refusedUntil !== undefined

  test('is waited out, told with its end and its reason, and is over when WhatsApp said', async () => {
    const { device, lift } = await aRefusedDevice('banned', failure(402, { code: '102', expire: '3' }))
    const row = await harbour.rowWhen('banned', device, isBanned)
    const told = await asTheApiTells(harbour, device)
    const refused = lift()
    const later = await harbour.rowWhen('connected', device, ({ status }) => status === 'connected')

    assert.match(
      row.statusReason ?? '',
      /\(402 temporary_ban\): too many people have blocked it \(102\), until 20/,
    )
    assert.equal(row.retryAt, row.refusedUntil)
    assert.equal(told.retryAt, new Date(row.refusedUntil ?? 0).toISOString())
    assert.match(told.explanation ?? '', /it has no socket: .*\(402 temporary_ban\).* waits until 20/)
    assert.equal(refused, 1)
    assert.ok((later.connectedAt ?? 0) >= (row.refusedUntil ?? 0))
    assert.equal(later.refusedUntil, undefined)
    assert.equal(later.refusal, undefined)
    assert.ok(events.some(({ event, fields }) => event === 'device.banned' && fields?.deviceId === device))
  })

  const HOUR_MS = 3_600_000
  const BOUNDS: [expire: string | undefined, waitsMs: number][] = [
    ['1000000000000000000', 30 * 24 * HOUR_MS],
    ['NaN', HOUR_MS],
    [undefined, HOUR_MS],
  ]
  for (const [expire, waitsMs] of BOUNDS) {
    const hours = waitsMs / HOUR_MS
    test(`of ${expire ?? 'no'} seconds is waited out for ${hours} hours, until an operator starts it`, async () => {
      const id = `banned-for-${expire || (expire === undefined ? 'no' : 'empty')}`
      const { device, lift } = await aRefusedDevice(
        id,
        failure(402, { code: 'x', ...(expire === undefined ? {} : { expire }) }),
      )
      const row = await harbour.rowWhen('banned', device, isBanned)
      const refused = lift()
      await start(harbour.store, systemClock, device)
      server.ring()
      await harbour.rowWhen('connected', device, ({ status }) => status === 'connected')

      assert.equal(Math.round(((row.refusedUntil ?? 0) - row.updatedAt) / 60_000), waitsMs / 60_000)
      assert.equal(refused, 1)
    })
  }

  test('is kept to by the next owner, which says so and can still leave', async () => {
    const first = harbour.startServer('first', { backoff: SOON })
    const linked = await aLinkedDevice(harbour, first, 'banned-and-moved')
    const refusals = refuseLogins(harbour, linked.jid, failure(402, { code: '101', expire: '3600' }))
    harbour.simulator.breakConnection(linked.jid, '428')
    const row = await harbour.rowWhen('banned', linked.device, isBanned)
    const refused = refusals.lift()
    first.leave()
    await harbour.rowWhen('released', linked.device, ({ owner }) => owner === undefined)

    await harbour.give(linked.device, server)
    const moved = await harbour.rowWhen(
      'told again',
      linked.device,
      ({ status }) => status === 'disconnected',
    )

    assert.equal(moved.owner, server.serverId)
    assert.equal(moved.refusedUntil, row.refusedUntil)
    assert.equal(moved.retryAt, row.refusedUntil)
    assert.equal(moved.statusReason, row.statusReason)
    await start(harbour.store, systemClock, linked.device)
    server.ring()
    await harbour.rowWhen('connected', linked.device, ({ status }) => status === 'connected')
    assert.equal(refused, 1)
  })
})

describe('a client whose version WhatsApp does not take', AT_ONCE, () => {
  for (const [code, says, event] of [
    [
      '405',
      /\(405 client_outdated\); set `WHATSAPP_VERSION` \(option `whatsappVersion`\)/,
      'device.client_outdated',
    ],
    [
      '409',
      /\(409 bad_user_agent\); set `WHATSAPP_VERSION` \(option `whatsappVersion`\)/,
      'device.login_refused',
    ],
  ] as const) {
    test(`is told which option sets it, and tried rarely: ${code}`, async () => {
      const { device, count } = await aRefusedDevice(`version-${code}`, failure(Number(code)))
      const row = await harbour.rowWhen('refused', device, ({ refusedUntil }) => refusedUntil !== undefined)

      assert.match(row.statusReason ?? '', says)
      assert.match((await asTheApiTells(harbour, device)).explanation ?? '', says)
      const minutes = ((row.refusedUntil ?? 0) - row.updatedAt) / 60_000
      assert.ok(minutes > 9.9 && minutes < 30, `${minutes} minutes`)
      assert.equal(row.refusal?.clientVersion, '2.3000.100')
      assert.equal(count(), 1)
      assert.ok(events.some(({ event: name, fields }) => name === event && fields?.deviceId === device))
    })
  }

  test('is tried at once by a server with another version', async () => {
    const old = harbour.startServer('old', { backoff: SOON, clientVersion: [2, 3000, 100] })
    const { device, jid } = await aLinkedDevice(harbour, old, 'outdated')
    refuseVersionsBelow(harbour, jid, '2.3000.200')
    harbour.simulator.breakConnection(jid, '428')
    await harbour.rowWhen('refused', device, ({ refusedUntil }) => refusedUntil !== undefined)
    old.leave()
    await harbour.rowWhen('released', device, ({ owner }) => owner === undefined)
    const renewed = harbour.startServer('renewed', { backoff: SOON, clientVersion: [2, 3000, 200] })

    await harbour.give(device, renewed)

    const row = await harbour.rowWhen('connected', device, ({ status }) => status === 'connected')
    assert.equal(row.refusedUntil, undefined)
  })
})
