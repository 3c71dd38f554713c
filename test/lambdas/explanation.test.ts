import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DeviceRow } from '../../core/device.ts'
import { serverId } from '../../core/ids.ts'
import type { ServerRow } from '../../core/server.ts'
import { explain } from '../../lambdas/api/explanation.ts'
import { aDeviceRow, aServerRow } from '../core/builders.ts'

const owner = serverId('web-1')
const live = aServerRow('web-1')
const cases: readonly [what: string, row: Partial<DeviceRow>, server: ServerRow | undefined, says: RegExp][] =
  [
    ['that waits while every server is full', {}, undefined, /no active server has room/],
    [
      'that was just assigned',
      { owner, status: 'assigned' },
      live,
      /server web-1 has it and is about to connect/,
    ],
    ['that waits to be linked', { owner, status: 'pairing' }, live, /scan its QR code/],
    ['that connects', { owner, status: 'connecting' }, live, /server web-1 is connecting it/],
    [
      'that lost its socket',
      { owner, status: 'disconnected', statusReason: 'closed with 428' },
      live,
      /tries again: closed with 428/,
    ],
    [
      'whose server is dead',
      { owner, status: 'connected' },
      { ...live, state: 'dead' },
      /server web-1 is gone/,
    ],
    ['that was stopped', { desired: 'stopped', status: 'stopped' }, undefined, /it is stopped; start it/],
    ['that is about to stop', { owner, desired: 'stopped' }, live, /wanted stopped.*its server closes it/],
    [
      'that was taken over',
      { desired: 'stopped', status: 'conflicted', statusReason: '3 conflicts' },
      undefined,
      /3 conflicts; end the other client/,
    ],
    [
      'that was logged out',
      { desired: 'stopped', status: 'logged_out' },
      undefined,
      /start it to link it anew/,
    ],
    ['that moves', { owner, status: 'connected', moveTo: 'any' }, live, /move to another server/],
    ['that is being deleted', { owner, deleting: true }, live, /its server closes it and lets go/],
    ['whose row is removed', { deleting: true }, undefined, /what it left behind is removed/],
  ]

for (const [what, row, server, says] of cases) {
  test(`a device ${what} says so`, () => {
    assert.match(explain(aDeviceRow('shop-17', row), server, false) ?? '', says)
  })
}

test('a connected device has nothing to explain', () => {
  assert.equal(explain(aDeviceRow('shop-17', { owner, status: 'connected' }), live, undefined), undefined)
})

test('a device that waits while a server has room is told that it will be placed', () => {
  assert.match(explain(aDeviceRow('shop-17'), undefined, true) ?? '', /the sweep gives it one that has room/)
})
