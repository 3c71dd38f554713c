import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DEFAULT_SETTINGS, protocolSettings } from '../../core/settings.ts'

describe('the times of the protocol', () => {
  test('are a beat every 2 s, a fence at 8 s and a burial at 11 s', () => {
    assert.deepEqual(protocolSettings(), { beatEveryMs: 2000, fenceAfterMs: 8000, buryAfterMs: 11_000 })
  })

  test('can be given one by one', () => {
    assert.deepEqual(protocolSettings({ buryAfterMs: 20_000 }), { ...DEFAULT_SETTINGS, buryAfterMs: 20_000 })
  })

  test('are refused when fence and burial leave less than 2 s after clock error', () => {
    // 10,182 x 0.99 - 8,000 x 1.01 = 2,000.18
    assert.ok(protocolSettings({ buryAfterMs: 10_182 }))
    assert.throws(() => protocolSettings({ buryAfterMs: 10_181 }), /LEASE_MARGIN_TOO_SMALL.*leave 1999 ms/)
    assert.throws(() => protocolSettings({ fenceAfterMs: 11_000 }), /LEASE_MARGIN_TOO_SMALL/)
  })

  test('are refused when a beat does not fit into the fence', () => {
    assert.throws(() => protocolSettings({ beatEveryMs: 6500 }), /BEAT_DOES_NOT_FIT/)
    assert.ok(protocolSettings({ beatEveryMs: 6499 }))
    assert.throws(() => protocolSettings({ beatEveryMs: 0 }), /BEAT_DOES_NOT_FIT/)
  })

  test('are refused when they are no numbers', () => {
    assert.throws(() => protocolSettings({ fenceAfterMs: Number.NaN }), RangeError)
    assert.throws(() => protocolSettings({ buryAfterMs: Number.NaN }), RangeError)
    assert.throws(() => protocolSettings({ beatEveryMs: Number.NaN }), RangeError)
    assert.throws(() => protocolSettings({ buryAfterMs: Number.POSITIVE_INFINITY }), RangeError)
  })
})
