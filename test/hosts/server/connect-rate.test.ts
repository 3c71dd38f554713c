import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createConnectRate } from '../../../hosts/server/connect-rate.ts'

test('a server that was told no share connects slowly', () => {
  const rate = createConnectRate(5)
  assert.equal(rate.initial, 1)
  assert.equal(rate.told({}), 1)
})

test('a server whose own limit is even lower keeps to that', () => {
  assert.equal(createConnectRate(0.5).initial, 0.5)
})

test("the first share counts at once, and never raises the server's own limit", () => {
  assert.equal(createConnectRate(5).told({ connectShare: 3 }), 3)
  assert.equal(createConnectRate(5).told({ connectShare: 30 }), 5)
})

test('a smaller share counts at once', () => {
  const rate = createConnectRate(5)
  rate.told({ connectShare: 4 })
  assert.equal(rate.told({ connectShare: 2 }), 2)
})

test('a larger share counts a beat later: by then the server that gave it up has learned of it', () => {
  const rate = createConnectRate(5)
  rate.told({ connectShare: 2 })
  assert.equal(rate.told({ connectShare: 4 }), 2)
  assert.equal(rate.told({ connectShare: 4 }), 4)
})

test('without a sweep the last share stays', () => {
  const rate = createConnectRate(5)
  rate.told({ connectShare: 2 })
  assert.deepEqual(
    [1, 2, 3].map(() => rate.told({ connectShare: 2 })),
    [2, 2, 2],
  )
})
