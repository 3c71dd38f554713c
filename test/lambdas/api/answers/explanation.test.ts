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

interface Case {
  readonly device: string
  readonly row: Partial<DeviceRow>
  readonly known?: Partial<Circumstances>
  /** Undefined where there is nothing to explain. */
  readonly says: string | undefined
}

const cases: readonly Case[] = [
  {
    device: 'that is connected',
    row: { owner, status: 'connected' },
    known: { owner: live },
    says: undefined,
  },
  {
    device: 'that is quarantined',
    row: { status: 'quarantined', statusReason: 'its last servers ended', quarantinedAt: NOW_MS },
    says:
      'it has been quarantined since 2030-01-01T00:00:00.000Z: its last servers ended; no server gets it ' +
      'until you start it',
  },
  {
    device: 'that is a suspect',
    row: { owner, status: 'assigned', suspicion: 4 },
    known: { owner: live },
    says: 'it may have ended its last servers: server "web-1" waits until it can connect it as its only suspect',
  },
  {
    device: 'that is connected and has stalled',
    row: {
      owner,
      status: 'connected',
      statusReason: 'stalled',
      stall: { at: NOW_MS, since: NOW_MS - 20_000, why: 'no answer' },
    },
    known: { owner: live },
    says:
      'it is connected, but has been stalled since 2029-12-31T23:59:40.000Z: no answer; its server ' +
      'replaces the socket',
  },
  {
    device: 'whose stalled socket is being replaced',
    row: { owner, status: 'connecting', stall: { at: NOW_MS, since: NOW_MS - 20_000, why: 'no answer' } },
    known: { owner: live },
    says:
      'its server is connecting it again, because its last socket had been stalled since ' +
      '2029-12-31T23:59:40.000Z: no answer',
  },
  {
    device: 'that had stalled within the hour',
    row: {
      owner,
      status: 'connected',
      stall: { at: NOW_MS, since: NOW_MS - 20_000, why: 'no answer', endedAt: NOW_MS },
    },
    known: { owner: live },
    says: 'it is connected; it was stalled from 2029-12-31T23:59:40.000Z to 2030-01-01T00:00:00.000Z: no answer',
  },
  {
    device: 'that stalled longer ago',
    row: {
      owner,
      status: 'connected',
      stall: { at: 0, since: 0, why: 'no answer', endedAt: NOW_MS - 61 * MINUTE_MS },
    },
    known: { owner: live },
    says: undefined,
  },
  {
    device: 'that waits while every server is full',
    row: {},
    known: {
      room: roomIn([full('web-1'), full('web-2'), aServerRow('web-3', { state: 'draining' })]),
      ...sweeping,
    },
    says: 'no server has room: 2 active servers hold 800 of 800 devices; it gets a server as soon as there is room',
  },
  {
    device: 'that waits while the only server is full',
    row: {},
    known: { room: roomIn([full('web-1')]), ...sweeping },
    says: 'no server has room: 1 active server holds 400 of 400 devices; it gets a server as soon as there is room',
  },
  {
    device: 'that waits while there are no servers',
    row: {},
    known: { room: roomIn([aServerRow('web-1', { state: 'dead' })]), ...sweeping },
    says: 'no server is active; it gets a server as soon as one has joined',
  },
  {
    device: 'that waits while a server has room',
    row: {},
    known: { room: roomIn([full('web-1'), live]), ...sweeping },
    says: 'it waits for a server; the next look of the sweep gives it a server with room',
  },
  {
    device: 'that lost its server',
    row: { statusReason: 'its server "web-2" is gone' },
    known: { room: roomIn([live]), ...sweeping },
    says: 'it waits for a server (its server "web-2" is gone); the next look of the sweep gives it a server with room',
  },
  {
    device: 'that waits while no sweep runs',
    row: {},
    known: { room: roomIn([live]), ...sweepMissing },
    says:
      'it waits for a server; the next look of the sweep gives it a server with room; but no sweep has ' +
      'looked since 2029-12-31T23:55:00.000Z: is the sweep running?',
  },
  {
    device: 'that waits and no sweep has ever run',
    row: {},
    known: { room: roomIn([live]), sweptAt: undefined },
    says:
      'it waits for a server; the next look of the sweep gives it a server with room; but no sweep has ' +
      'looked yet: is the sweep running?',
  },
  {
    device: 'that waits, in a list, where nobody has looked at the servers',
    row: {},
    says: 'it waits for a server; the next look of the sweep gives it a server with room',
  },
  {
    device: 'that WhatsApp refuses, on its way to another server',
    row: refused,
    known: { room: roomIn([live]), ...sweeping },
    says:
      'it waits for a server; the next look of the sweep gives it a server with room; ' +
      'WhatsApp lets it log in no sooner than 2030-01-01T01:00:00.000Z: banned (402 temporary_ban)',
  },
  {
    device: 'that WhatsApp refuses, and that another server has just got',
    row: { ...refused, owner, status: 'assigned' },
    known: { owner: live },
    says:
      'server "web-1" has it; WhatsApp lets it log in no sooner than 2030-01-01T01:00:00.000Z: banned ' +
      '(402 temporary_ban)',
  },
  {
    device: 'that was just assigned',
    row: { owner, status: 'assigned' },
    known: { owner: live },
    says: 'its server is about to connect it',
  },
  {
    device: 'that was assigned to a server on which others connect first',
    row: { owner, status: 'assigned' },
    known: { owner: busy },
    says: 'it waits for its turn at server "web-1" (7 connects wait there)',
  },
  {
    device: 'that waits to be linked by a QR',
    row: { owner, status: 'pairing', pairing: { qr: '2@abc', since: NOW_MS, expiresAt: NOW_MS + MINUTE_MS } },
    known: { owner: live },
    says: 'it waits to be linked: scan its QR code, which is valid until 2030-01-01T00:01:00.000Z',
  },
  {
    device: 'that waits to be linked by a code',
    row: {
      owner,
      status: 'pairing',
      pairing: { code: 'ABCD1234', since: NOW_MS, expiresAt: NOW_MS + MINUTE_MS },
    },
    known: { owner: live },
    says: 'it waits to be linked: type its pairing code into the phone, which is valid until 2030-01-01T00:01:00.000Z',
  },
  {
    device: 'whose QR has expired',
    row: { owner, status: 'pairing', pairing: { qr: '2@abc', since: NOW_MS - MINUTE_MS, expiresAt: NOW_MS } },
    known: { owner: live },
    says: 'it waits to be linked: its server is about to get a QR code',
  },
  {
    device: 'that connects',
    row: { owner, status: 'connecting' },
    known: { owner: live },
    says: 'its server is connecting it',
  },
  {
    device: 'that lost its socket and backs off',
    row: { ...lost, retryAt: NOW_MS + 30_000 },
    known: { owner: live },
    says:
      'it has no socket: closed with 428 (Connection Closed); server "web-1" waits until ' +
      '2030-01-01T00:00:30.000Z and then tries again',
  },
  {
    device: 'whose backoff is over',
    row: { ...lost, retryAt: NOW_MS - 1 },
    known: { owner: live },
    says: 'it has no socket: closed with 428 (Connection Closed); server "web-1" is about to try again',
  },
  {
    device: 'whose backoff is over and for which it is not the turn',
    row: { ...lost, retryAt: NOW_MS - 1 },
    known: { owner: aServerRow('web-1', { waiting: 1 }) },
    says:
      'it has no socket: closed with 428 (Connection Closed); it waits for its turn at server "web-1" (1 ' +
      'connect waits there)',
  },
  {
    device: 'that a client outside the fleet has taken over, and that is not given up yet',
    row: {
      owner,
      status: 'disconnected',
      statusReason: 'closed with 440 (Stream Errored (conflict))',
      retryAt: NOW_MS + 3000,
      conflicts: [NOW_MS - MINUTE_MS, NOW_MS],
    },
    known: { owner: live },
    says:
      'it has no socket: closed with 440 (Stream Errored (conflict)); 2 recent conflicts, the last at ' +
      '2030-01-01T00:00:00.000Z; server "web-1" waits until 2030-01-01T00:00:03.000Z and then tries again',
  },
  {
    device: 'whose credentials cannot be read',
    row: {
      owner,
      status: 'disconnected',
      statusReason: 'its credentials cannot be read: its stored credentials are damaged',
      retryAt: NOW_MS + 1000,
    },
    known: { owner: live },
    says:
      'it has no socket: its credentials cannot be read: its stored credentials are damaged; server ' +
      '"web-1" waits until 2030-01-01T00:00:01.000Z and then tries again',
  },
  {
    device: 'whose server is silent, whatever its row says',
    row: { owner, status: 'connected' },
    known: { owner: silent, ...sweeping },
    says:
      'its server "web-1" has been silent since 2029-12-31T23:59:51.000Z and has closed its sockets; ' +
      'either the server beats again and reconnects the device, or the sweep buries the server and moves ' +
      'the device to another one',
  },
  {
    device: 'whose server is silent while no sweep runs',
    row: { owner, status: 'connected' },
    known: { owner: silent, ...sweepMissing },
    says:
      'its server "web-1" has been silent since 2029-12-31T23:59:51.000Z and has closed its sockets; ' +
      'either the server beats again and reconnects the device, or the sweep buries the server and moves ' +
      'the device to another one; but no sweep has looked since 2029-12-31T23:55:00.000Z: is the sweep ' +
      'running?',
  },
  {
    device: 'whose server is dead',
    row: { owner, status: 'connected' },
    known: { owner: { ...live, state: 'dead', stateReason: 'silent since beat 7' }, ...sweeping },
    says:
      'its server "web-1" is gone (silent since beat 7); the next look of the sweep moves the device to ' +
      'another server',
  },
  {
    device: 'that was stopped',
    row: {
      desired: 'stopped',
      status: 'stopped',
      statusReason: 'stopped with key abcdef0123456789 at 2030-01-01T00:00:00.000Z',
    },
    says: 'it is stopped: stopped with key abcdef0123456789 at 2030-01-01T00:00:00.000Z; start it to connect it',
  },
  {
    device: 'that is about to stop',
    row: {
      owner,
      desired: 'stopped',
      statusReason: 'stopped with key abcdef0123456789 at 2030-01-01T00:00:00.000Z',
    },
    known: { owner: live },
    says:
      'it is being stopped: stopped with key abcdef0123456789 at 2030-01-01T00:00:00.000Z; its server ' +
      'closes its socket',
  },
  {
    device: 'that WhatsApp refuses',
    row: {
      desired: 'stopped',
      status: 'stopped',
      statusReason: 'WhatsApp refuses this account (403, forbidden)',
    },
    says: 'it is stopped: WhatsApp refuses this account (403, forbidden); start it to connect it',
  },
  {
    device: 'whose reason says what to do',
    row: {
      desired: 'stopped',
      status: 'stopped',
      statusReason: 'imported without credentials; start it to link it',
    },
    says: 'it is stopped: imported without credentials; start it to link it',
  },
  {
    device: 'that a client outside the fleet kept taking over',
    row: {
      desired: 'stopped',
      status: 'conflicted',
      statusReason: '3 conflicts (440) within 10 minutes: a client outside the fleet uses these credentials',
      conflicts: [NOW_MS - 2 * MINUTE_MS, NOW_MS - MINUTE_MS, NOW_MS],
    },
    says:
      'it has been conflicted since 2030-01-01T00:00:00.000Z: 3 conflicts (440) within 10 minutes: a ' +
      'client outside the fleet uses these credentials; end that client, then start the device',
  },
  {
    device: 'that the phone has unlinked',
    row: {
      desired: 'stopped',
      status: 'logged_out',
      statusReason: 'the phone, or WhatsApp, logged the device out (Connection Failure)',
    },
    says:
      'it is logged out: the phone, or WhatsApp, logged the device out (Connection Failure); start it to ' +
      'link it again',
  },
  {
    device: 'that moves to any other server',
    row: { owner, status: 'connected', moveTo: 'any' },
    known: { owner: live },
    says: 'its server "web-1" is asked to release it, so that it can move to another server',
  },
  {
    device: 'that moves to a given server',
    row: { owner, status: 'connected', moveTo: serverId('web-2') },
    known: { owner: live },
    says: 'its server "web-1" is asked to release it, so that it can move to server "web-2"',
  },
  {
    device: 'whose server drains',
    row: { owner, status: 'connected', moveTo: 'any' },
    known: { owner: { ...live, state: 'draining' } },
    says: 'its server "web-1" drains and is asked to release it, so that it can move to another server',
  },
  {
    device: 'whose credentials are being imported',
    row: { desired: 'stopped', status: 'stopped', statusReason: 'being imported', importing: 'import-1' },
    says: 'its credentials are being imported; if the import has ended early, run it again',
  },
  {
    device: 'that is being deleted',
    row: { owner, deleting: true },
    known: { owner: live },
    says: 'it is being deleted: its server closes its socket and releases it',
  },
  {
    device: 'whose row is removed',
    row: { deleting: true },
    says: 'it is being deleted: its stored data is being removed',
  },
]

for (const { device, row, known, says } of cases) {
  test(`a device ${device}: ${says ?? 'there is nothing to explain'}`, () => {
    assert.equal(explained(row, known), says)
  })
}
