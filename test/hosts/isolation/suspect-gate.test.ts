import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSuspectGate } from '../../../hosts/isolation/suspect-gate.ts'
import { manualClock } from '../../builders/manual-clock.ts'

const never = new AbortController().signal
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Whether a promise has resolved by now, and to what. */
async function soFar<Value>(promise: Promise<Value>): Promise<Value | 'waits'> {
  await turn()
  return Promise.race([promise, Promise.resolve('waits' as const)])
}

test('a second suspect waits until the first one has ended', async () => {
  const gate = createSuspectGate(manualClock())
  const end = await gate.enter(never)
  const second = gate.enter(never)
  assert.equal(await soFar(second), 'waits')

  end?.end()

  assert.equal(typeof (await soFar(second)), 'object')
})

test('a probation without a login ends by itself', async () => {
  const clock = manualClock()
  const gate = createSuspectGate(clock)
  await gate.enter(never)
  const second = gate.enter(never)

  clock.advance(20_000)

  assert.equal(typeof (await soFar(second)), 'object')
})

test('a probation ends when its device has been well for long enough that a last beat tells so', async () => {
  const clock = manualClock()
  const gate = createSuspectGate(clock)
  const first = await gate.enter(never)
  const second = gate.enter(never)
  clock.advance(15_000)
  first?.loggedIn()

  clock.advance(7999)
  assert.equal(await soFar(second), 'waits')
  clock.advance(1)
  assert.equal(typeof (await soFar(second)), 'object')
})

test('ending twice lets only one other in', async () => {
  const gate = createSuspectGate(manualClock())
  const end = await gate.enter(never)
  const second = gate.enter(never)
  const third = gate.enter(never)

  end?.end()
  end?.end()

  assert.equal(typeof (await soFar(second)), 'object')
  assert.equal(await soFar(third), 'waits')
})

test('a suspect that is given up makes room for the next', async () => {
  const gate = createSuspectGate(manualClock())
  const end = await gate.enter(never)
  const given = new AbortController()
  const second = gate.enter(given.signal)
  const third = gate.enter(never)

  given.abort()
  end?.end()

  assert.equal(await second, undefined)
  assert.equal(typeof (await soFar(third)), 'object')
})

test('a suspect that is given up in its very turn hands it on', async () => {
  const gate = createSuspectGate(manualClock())
  const end = await gate.enter(never)
  const given = new AbortController()
  const second = gate.enter(given.signal)
  const third = gate.enter(never)

  end?.end()
  given.abort()

  assert.equal(await second, undefined)
  assert.equal(typeof (await soFar(third)), 'object')
})
