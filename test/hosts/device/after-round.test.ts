import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { deviceId, serverId } from '../../../core/ids.ts'
import type { Store } from '../../../core/store/store.ts'
import { afterEnding, again, FORGET, release, withoutPermit } from '../../../hosts/device/after-round.ts'
import type { FollowUp } from '../../../hosts/device/follow-up.ts'
import * as build from '../../builders/builders.ts'
import { aHostWorld } from '../host-world.ts'
import { aServerContext } from './connection-scene.ts'

type Round = Parameters<typeof afterEnding>[0]

function aRound() {
  const base = build.worldOn({} as Store)
  const refusedUntil: number[] = []
  const round: Round = {
    world: aHostWorld(base).world,
    context: aServerContext(base, { serverId: serverId('server-1'), name: 'web-1' }),
    deviceId: deviceId('device-1'),
    permits: { refuseUntil: (wallMs: number) => refusedUntil.push(wallMs) } as unknown as Round['permits'],
    whyUnlinked: 'nobody linked it',
  }
  const afterClose = (followUp: FollowUp) =>
    afterEnding(round, { by: 'whatsapp', followUp, row: build.aDeviceRow('device-1'), why: 'closed' })
  return { base, round, refusedUntil, afterClose }
}

const aWait = (ms: number) => ({ ms, leftMs: () => ms }) as NonNullable<FollowUp['wait']>

describe('after a refused permit', () => {
  test('a device of another owner is forgotten, and one that is not wanted is released', () => {
    const backOffMs = () => 7

    assert.deepEqual(withoutPermit({ is: 'not_owner' }, backOffMs), FORGET)
    assert.deepEqual(withoutPermit({ is: 'not_wanted' }, backOffMs), release({ because: 'row' }))
  })

  test('a failure is tried again after a backoff, and a refusal for a time at once', () => {
    const backOffMs = () => 7

    assert.deepEqual(withoutPermit({ is: 'failed' }, backOffMs), again(7))
    assert.deepEqual(withoutPermit({ is: 'later' }, backOffMs), again())
  })
})

describe('after the end of a socket', () => {
  test('a stale one leaves nothing to release', async () => {
    const { round } = aRound()

    assert.deepEqual(await afterEnding(round, { by: 'stale' }), FORGET)
  })

  test('a device that nobody linked is stopped, with the reason for the operator', async () => {
    const { round } = aRound()

    const next = await afterEnding(round, { by: 'unlinked' })

    assert.deepEqual(next, release({ because: 'stopped', why: 'nobody linked it' }))
  })

  test('unreadable credentials are told, and tried again after their wait', async () => {
    const { base, round } = aRound()
    const followUp = { step: { do: 'reconnect', wait: 'backoff' }, wait: aWait(500) } as FollowUp

    const next = await afterEnding(round, { by: 'unreadable', error: new Error('torn'), followUp })

    assert.deepEqual(next, again(500))
    assert.equal(base.told('device.failed').length, 1)
  })

  test('a close by WhatsApp connects again after the wait that was decided', async () => {
    const { afterClose } = aRound()

    const next = await afterClose({
      step: { do: 'reconnect', wait: 'backoff' },
      wait: aWait(500),
    } as FollowUp)

    assert.deepEqual(next, again(500))
  })

  test('a refusal for a time is kept even when the row does not tell it', async () => {
    const { base, afterClose, refusedUntil } = aRound()

    await afterClose({ step: { do: 'wait_out_refusal', wait: 'refusal' }, wait: aWait(900) } as FollowUp)

    assert.deepEqual(refusedUntil, [base.clock.wallMs() + 900])
  })

  test('too many conflicts release the device and are told', async () => {
    const { base, afterClose } = aRound()

    const next = await afterClose({ step: { do: 'release', because: 'conflicted' } } as FollowUp)

    assert.equal(next.do, 'release')
    assert.equal(base.told('device.conflict').length, 1)
  })
})
