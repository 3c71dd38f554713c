import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readDemoOptions } from '../../../local/demo/options.ts'

describe('the options', () => {
  test('are 60 devices unless another number is given', () => {
    assert.deepEqual(readDemoOptions([]), { devices: 60 })
    assert.deepEqual(readDemoOptions(['--devices', '12']), { devices: 12 })
  })

  test('--help asks for help', () => {
    assert.equal(readDemoOptions(['--help']), undefined)
  })

  for (const number of ['5', '301', '7.5', 'many']) {
    test(`--devices ${number} is refused with the numbers that are allowed`, () => {
      assert.throws(() => readDemoOptions(['--devices', number]), /whole number from 6 to 300/)
    })
  }
})
