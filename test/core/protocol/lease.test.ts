import assert from 'node:assert/strict'
import { beforeEach, describe, test } from 'node:test'
import { createLease } from '../../../core/protocol/lease.ts'
import { DEFAULT_SETTINGS } from '../../../core/settings.ts'
import { type ManualClock, manualClock } from '../../builders/manual-clock.ts'

let clock: ManualClock
beforeEach(() => {
  clock = manualClock()
})

describe('a lease', () => {
  test('is not valid before the first beat was acknowledged', () => {
    const lease = createLease(clock, DEFAULT_SETTINGS)

    assert.equal(lease.isValid(), false)
    assert.equal(lease.remainingMs(), 0)
  })

  test('counts from the send of the beat, not from its answer', () => {
    const lease = createLease(clock, DEFAULT_SETTINGS)
    const sentAt = clock.mark()

    clock.advance(1400)
    lease.renew(sentAt)

    assert.equal(lease.remainingMs(), 6600)
  })

  test('ends at the fence time, to the millisecond', () => {
    const lease = createLease(clock, DEFAULT_SETTINGS)
    lease.renew(clock.mark())

    clock.advance(7999)
    const before = lease.isValid()
    clock.advance(1)

    assert.equal(before, true)
    assert.equal(lease.isValid(), false)
    assert.equal(lease.remainingMs(), 0)
  })

  test('whose first answer came after the fence time was never valid', () => {
    const lease = createLease(clock, DEFAULT_SETTINGS)
    const sentAt = clock.mark()

    clock.advance(8000)
    lease.renew(sentAt)

    assert.equal(lease.isValid(), false)
  })

  test('is not shortened by the late answer of an older beat', () => {
    const lease = createLease(clock, DEFAULT_SETTINGS)
    const older = clock.mark()
    clock.advance(2000)
    lease.renew(clock.mark())

    lease.renew(older)

    assert.equal(lease.remainingMs(), 8000)
  })

  test('counts the time for which its machine slept', () => {
    const lease = createLease(clock, DEFAULT_SETTINGS)
    lease.renew(clock.mark())

    clock.suspend(8000)

    assert.equal(lease.isValid(), false)
  })

  test('does not depend on the time of day', () => {
    const lease = createLease(clock, DEFAULT_SETTINGS)
    lease.renew(clock.mark())

    clock.setWallBy(-3_600_000)
    const back = lease.remainingMs()
    clock.setWallBy(7_200_000)

    assert.equal(back, 8000)
    assert.equal(lease.remainingMs(), 8000)
  })

  test('that ended is valid again after a beat that was sent later', () => {
    const lease = createLease(clock, DEFAULT_SETTINGS)
    lease.renew(clock.mark())
    clock.advance(60_000)

    lease.renew(clock.mark())

    assert.equal(lease.isValid(), true)
  })

  test('that was revoked is over for good', () => {
    const lease = createLease(clock, DEFAULT_SETTINGS)
    lease.renew(clock.mark())

    lease.revoke()
    clock.advance(1)
    lease.renew(clock.mark())

    assert.equal(lease.isValid(), false)
    assert.equal(lease.remainingMs(), 0)
  })
})
