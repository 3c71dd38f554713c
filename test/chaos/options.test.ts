import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readOptions } from './options.ts'

test('without options the chaos takes ten minutes, 150 devices and five servers, with Mooring', () => {
  assert.deepEqual(readOptions([]), { fleet: 'mooring', seconds: 600, devices: 150, servers: 5, seed: 1 })
})

test('minutes and seconds mean the same', () => {
  assert.equal(readOptions(['--minutes', '2'])?.seconds, 120)
  assert.equal(readOptions(['--seconds', '90'])?.seconds, 90)
})

test('help runs nothing', () => {
  assert.equal(readOptions(['--help']), undefined)
})

for (const [args, says] of [
  [['--servers', '2'], /--servers is from 3 to 20, not 2/],
  [['--devices', 'many'], /--devices is from 1 to 1000, not many/],
  [['--devices', '1.5'], /whole number/],
  [['--seconds', '1'], /--seconds is from 10/],
  [['--fleet', 'both-of-them'], /--fleet is mooring, naive, both, not both-of-them/],
  [['--speed', '3'], /--speed/],
] as const) {
  test(`${args.join(' ')} is refused with a sentence`, () => {
    assert.throws(() => readOptions([...args]), says)
  })
}
