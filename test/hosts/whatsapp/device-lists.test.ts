import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createDeviceLists } from '../../../hosts/whatsapp/device-lists.ts'
import { manualClock } from '../../builders/manual-clock.ts'

describe("the list of a contact's devices", () => {
  test('is fresh for five minutes', () => {
    const clock = manualClock()
    const lists = createDeviceLists(clock)
    lists.set('15550100101', ['a'])
    assert.deepEqual(lists.get('15550100101'), ['a'])

    clock.advance(5 * 60_000)

    assert.equal(lists.isFresh('15550100101'), false)
    assert.equal(lists.get('15550100101'), undefined)
  })

  test('stays for a send that is about to use it, and is asked for again by the next', () => {
    const clock = manualClock()
    const lists = createDeviceLists(clock)
    lists.set('15550100101', ['a'])
    const pinned = lists.pin(['15550100101'])

    lists.del('15550100101')
    clock.advance(5 * 60_000)

    assert.equal(lists.isFresh('15550100101'), false)
    assert.deepEqual(lists.get('15550100101'), ['a'])
    pinned.release()
    assert.equal(lists.get('15550100101'), undefined)
  })

  test('gives way to newer ones when there are too many', () => {
    const lists = createDeviceLists(manualClock())
    for (const user of Array.from({ length: 5001 }, (_, at) => `${at}`)) lists.set(user, [])

    assert.equal(lists.isFresh('0'), false)
    assert.equal(lists.isFresh('1'), true)
    assert.equal(lists.isFresh('5000'), true)
  })
})
