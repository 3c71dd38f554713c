import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serverId } from '../../../../core/ids.ts'
import type { DeviceRow } from '../../../../core/store/device-row.ts'
import { type Circumstances, explain, roomIn } from '../../../../lambdas/api/answers/explanation.ts'
import { aDeviceRow, aServerRow } from '../../../builders/builders.ts'

/** When the rows of the builders were written. */
const NOW_MS = Date.UTC(2030, 0, 1)
const MINUTE_MS = 60_000
const owner = serverId('web-1')
const live = aServerRow('web-1')
const busy = aServerRow('web-1', { waiting: 7 })
const silent = aServerRow('web-1', { beatAt: NOW_MS - 9000 })
const sweeping = { sweptAt: NOW_MS - 4000 }
const sweepMissing = { sweptAt: NOW_MS - 5 * MINUTE_MS }

function explained(row: Partial<DeviceRow>, known: Partial<Circumstances> = {}): string | undefined {
  return explain(aDeviceRow('shop-17', row), { nowMs: NOW_MS, fenceAfterMs: 8000, ...known })
}

const lost = { owner, status: 'disconnected', statusReason: 'closed with 428 (Connection Closed)' } as const
const refused = {
  refusedUntil: NOW_MS + 60 * MINUTE_MS,
  refusal: { code: 402, why: 'banned (402 temporary_ban)' },
} as const
const full = (id: string) => aServerRow(id, { load: 400, capacity: 400 })

const cases: readonly [
  what: string,
  row: Partial<DeviceRow>,
  known: Partial<Circumstances>,
  says: string | undefined,
][] = [
  ['that is connected', { owner, status: 'connected' }, { owner: live }, undefined],
  [
    'that is quarantined',
    { status: 'quarantined', statusReason: 'its last servers ended', quarantinedAt: NOW_MS },
    {},
    'it is quarantined since 2030-01-01T00:00:00.000Z: its last servers ended; no server gets it until you start it',
  ],
  [
    'that is a suspect',
    { owner, status: 'assigned', suspicion: 4 },
    { owner: live },
    'it may have ended its last servers: server "web-1" waits, and then connects it as its only suspect',
  ],
  [
    'that is connected and has stalled',
    {
      owner,
      status: 'connected',
      statusReason: 'stalled',
      stall: { at: NOW_MS, since: NOW_MS - 20_000, why: 'no answer' },
    },
    { owner: live },
    'it is connected, but stalled since 2029-12-31T23:59:40.000Z: no answer; its server replaces the socket',
  ],
  [
    'whose stalled socket is being replaced',
    { owner, status: 'connecting', stall: { at: NOW_MS, since: NOW_MS - 20_000, why: 'no answer' } },
    { owner: live },
    'server "web-1" is connecting it, since its socket had stalled since 2029-12-31T23:59:40.000Z: no answer',
  ],
  [
    'that had stalled within the hour',
    {
      owner,
      status: 'connected',
      stall: { at: NOW_MS, since: NOW_MS - 20_000, why: 'no answer', endedAt: NOW_MS },
    },
    { owner: live },
    'it is connected; it was stalled from 2029-12-31T23:59:40.000Z to 2030-01-01T00:00:00.000Z: no answer',
  ],
  [
    'that stalled longer ago',
    {
      owner,
      status: 'connected',
      stall: { at: 0, since: 0, why: 'no answer', endedAt: NOW_MS - 61 * MINUTE_MS },
    },
    { owner: live },
    undefined,
  ],
  [
    'that waits while every server is full',
    {},
    { room: roomIn([full('web-1'), full('web-2'), aServerRow('web-3', { state: 'draining' })]), ...sweeping },
    'no server has room: 2 active servers hold 800 of 800 devices; it gets one as soon as there is room',
  ],
  [
    'that waits while the only server is full',
    {},
    { room: roomIn([full('web-1')]), ...sweeping },
    'no server has room: 1 active server holds 400 of 400 devices; it gets one as soon as there is room',
  ],
  [
    'that waits while there are no servers',
    {},
    { room: roomIn([aServerRow('web-1', { state: 'dead' })]), ...sweeping },
    'no server is active; it gets one as soon as one has joined',
  ],
  [
    'that waits while a server has room',
    {},
    { room: roomIn([full('web-1'), live]), ...sweeping },
    'it waits for a server; the next look of the sweep gives it one that has room',
  ],
  [
    'that lost its server',
    { statusReason: 'its server "web-2" is gone' },
    { room: roomIn([live]), ...sweeping },
    'it waits for a server (its server "web-2" is gone); the next look of the sweep gives it one that has room',
  ],
  [
    'that waits while no sweep runs',
    {},
    { room: roomIn([live]), ...sweepMissing },
    'it waits for a server; the next look of the sweep gives it one that has room; but no sweep has looked since 2029-12-31T23:55:00.000Z: is it running?',
  ],
  [
    'that waits and no sweep has ever run',
    {},
    { room: roomIn([live]), sweptAt: undefined },
    'it waits for a server; the next look of the sweep gives it one that has room; but no sweep has looked yet: is it running?',
  ],
  [
    'that waits, in a list, where nobody has looked at the servers',
    {},
    {},
    'it waits for a server; the next look of the sweep gives it one that has room',
  ],
  [
    'that WhatsApp refuses, on its way to another server',
    refused,
    { room: roomIn([live]), ...sweeping },
    'it waits for a server; the next look of the sweep gives it one that has room; ' +
      'WhatsApp lets it log in no sooner than 2030-01-01T01:00:00.000Z: banned (402 temporary_ban)',
  ],
  [
    'that WhatsApp refuses, and that another server has just got',
    { ...refused, owner, status: 'assigned' },
    { owner: live },
    'server web-1 has it; WhatsApp lets it log in no sooner than 2030-01-01T01:00:00.000Z: banned (402 temporary_ban)',
  ],
  [
    'that was just assigned',
    { owner, status: 'assigned' },
    { owner: live },
    'server "web-1" has it and is about to connect it',
  ],
  [
    'that was assigned to a server on which others connect first',
    { owner, status: 'assigned' },
    { owner: busy },
    'it waits for its turn at server "web-1" (7 connects wait there)',
  ],
  [
    'that waits to be linked by a QR',
    { owner, status: 'pairing', pairing: { qr: '2@abc', since: NOW_MS, expiresAt: NOW_MS + MINUTE_MS } },
    { owner: live },
    'it waits to be linked: scan its QR code, which is valid until 2030-01-01T00:01:00.000Z',
  ],
  [
    'that waits to be linked by a code',
    { owner, status: 'pairing', pairing: { code: 'ABCD1234', since: NOW_MS, expiresAt: NOW_MS + MINUTE_MS } },
    { owner: live },
    'it waits to be linked: type its pairing code into the phone, which is valid until 2030-01-01T00:01:00.000Z',
  ],
  [
    'whose QR has expired',
    { owner, status: 'pairing', pairing: { qr: '2@abc', since: NOW_MS - MINUTE_MS, expiresAt: NOW_MS } },
    { owner: live },
    'it waits to be linked: its server is about to get a QR code',
  ],
  ['that connects', { owner, status: 'connecting' }, { owner: live }, 'server "web-1" is connecting it'],
  [
    'that lost its socket and backs off',
    { ...lost, retryAt: NOW_MS + 30_000 },
    { owner: live },
    'it has no socket: closed with 428 (Connection Closed); server "web-1" waits until 2030-01-01T00:00:30.000Z and then tries again',
  ],
  [
    'whose backoff is over',
    { ...lost, retryAt: NOW_MS - 1 },
    { owner: live },
    'it has no socket: closed with 428 (Connection Closed); server "web-1" is about to try again',
  ],
  [
    'whose backoff is over and for which it is not the turn',
    { ...lost, retryAt: NOW_MS - 1 },
    { owner: aServerRow('web-1', { waiting: 1 }) },
    'it has no socket: closed with 428 (Connection Closed); it waits for its turn at server "web-1" (1 connect waits there)',
  ],
  [
    'that a client outside the fleet has taken over, and that is not given up yet',
    {
      owner,
      status: 'disconnected',
      statusReason: 'closed with 440 (Stream Errored (conflict))',
      retryAt: NOW_MS + 3000,
      conflicts: [NOW_MS - MINUTE_MS, NOW_MS],
    },
    { owner: live },
    'it has no socket: closed with 440 (Stream Errored (conflict)); 2 conflicts lately, the last at 2030-01-01T00:00:00.000Z; server "web-1" waits until 2030-01-01T00:00:03.000Z and then tries again',
  ],
  [
    'whose credentials cannot be read',
    {
      owner,
      status: 'disconnected',
      statusReason: 'its credentials cannot be read: its stored credentials are damaged',
      retryAt: NOW_MS + 1000,
    },
    { owner: live },
    'it has no socket: its credentials cannot be read: its stored credentials are damaged; server "web-1" waits until 2030-01-01T00:00:01.000Z and then tries again',
  ],
  [
    'whose server is silent, whatever its row says',
    { owner, status: 'connected' },
    { owner: silent, ...sweeping },
    'its server "web-1" has been silent since 2029-12-31T23:59:51.000Z and has closed its sockets; it goes on when it can beat again, or the sweep buries it and moves the device to another',
  ],
  [
    'whose server is silent while no sweep runs',
    { owner, status: 'connected' },
    { owner: silent, ...sweepMissing },
    'its server "web-1" has been silent since 2029-12-31T23:59:51.000Z and has closed its sockets; it goes on when it can beat again, or the sweep buries it and moves the device to another; but no sweep has looked since 2029-12-31T23:55:00.000Z: is it running?',
  ],
  [
    'whose server is dead',
    { owner, status: 'connected' },
    { owner: { ...live, state: 'dead', stateReason: 'silent since beat 7' }, ...sweeping },
    'its server "web-1" is gone (silent since beat 7); the next look of the sweep moves it to another',
  ],
  [
    'that was stopped',
    {
      desired: 'stopped',
      status: 'stopped',
      statusReason: 'stopped with key abcdef0123456789 at 2030-01-01T00:00:00.000Z',
    },
    {},
    'it is stopped: stopped with key abcdef0123456789 at 2030-01-01T00:00:00.000Z; start it to connect it',
  ],
  [
    'that is about to stop',
    {
      owner,
      desired: 'stopped',
      statusReason: 'stopped with key abcdef0123456789 at 2030-01-01T00:00:00.000Z',
    },
    { owner: live },
    'it is wanted stopped: stopped with key abcdef0123456789 at 2030-01-01T00:00:00.000Z; its server closes it',
  ],
  [
    'that WhatsApp refuses',
    {
      desired: 'stopped',
      status: 'stopped',
      statusReason: 'WhatsApp refuses this account (403, forbidden)',
    },
    {},
    'it is stopped: WhatsApp refuses this account (403, forbidden); start it to connect it',
  ],
  [
    'whose reason says what to do',
    {
      desired: 'stopped',
      status: 'stopped',
      statusReason: 'imported without credentials; start it to link it',
    },
    {},
    'it is stopped: imported without credentials; start it to link it',
  ],
  [
    'that a client outside the fleet kept taking over',
    {
      desired: 'stopped',
      status: 'conflicted',
      statusReason: '3 conflicts (440) within 10 minutes: a client outside the fleet uses these credentials',
      conflicts: [NOW_MS - 2 * MINUTE_MS, NOW_MS - MINUTE_MS, NOW_MS],
    },
    {},
    'it is conflicted since 2030-01-01T00:00:00.000Z: 3 conflicts (440) within 10 minutes: a client outside the fleet uses these credentials; end that client, then start it',
  ],
  [
    'that the phone has unlinked',
    {
      desired: 'stopped',
      status: 'logged_out',
      statusReason: 'the phone, or WhatsApp, logged the device out (Connection Failure)',
    },
    {},
    'it is logged out: the phone, or WhatsApp, logged the device out (Connection Failure); start it to link it anew',
  ],
  [
    'that moves to any other server',
    { owner, status: 'connected', moveTo: 'any' },
    { owner: live },
    'its server "web-1" is asked to let go, so that it can move to another server',
  ],
  [
    'that moves to a given server',
    { owner, status: 'connected', moveTo: serverId('web-2') },
    { owner: live },
    'its server "web-1" is asked to let go, so that it can move to server "web-2"',
  ],
  [
    'whose server drains',
    { owner, status: 'connected', moveTo: 'any' },
    { owner: { ...live, state: 'draining' } },
    'its server "web-1" drains and is asked to let go, so that it can move to another server',
  ],
  [
    'whose credentials are being imported',
    { desired: 'stopped', status: 'stopped', statusReason: 'being imported', importing: 'import-1' },
    {},
    'its credentials are being imported; should that have ended early, run the import again',
  ],
  [
    'that is being deleted',
    { owner, deleting: true },
    { owner: live },
    'it is being deleted: its server closes it and lets go',
  ],
  ['whose row is removed', { deleting: true }, {}, 'it is being deleted: what it left behind is removed'],
]

for (const [what, row, known, says] of cases) {
  test(`a device ${what}: ${says ?? 'there is nothing to explain'}`, () => {
    assert.equal(explained(row, known), says)
  })
}
