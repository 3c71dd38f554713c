import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSuspectGate } from '../../hosts/suspect-gate.ts'
import { manualClock } from '../core/manual-clock.ts'

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

  end?.()

  assert.equal(typeof (await soFar(second)), 'function')
})

test('a probation ends by itself', async () => {
  const clock = manualClock()
  const gate = createSuspectGate(clock)
  await gate.enter(never)
  const second = gate.enter(never)

  clock.advance(30_000)

  assert.equal(typeof (await soFar(second)), 'function')
})

test('ending twice lets only one other in', async () => {
  const gate = createSuspectGate(manualClock())
  const end = await gate.enter(never)
  const second = gate.enter(never)
  const third = gate.enter(never)

  end?.()
  end?.()

  assert.equal(typeof (await soFar(second)), 'function')
  assert.equal(await soFar(third), 'waits')
})

test('a suspect that is given up makes room for the next', async () => {
  const gate = createSuspectGate(manualClock())
  const end = await gate.enter(never)
  const given = new AbortController()
  const second = gate.enter(given.signal)
  const third = gate.enter(never)

  given.abort()
  end?.()

  assert.equal(await second, undefined)
  assert.equal(typeof (await soFar(third)), 'function')
})

test('a suspect that is given up in its very turn hands it on', async () => {
  const gate = createSuspectGate(manualClock())
  const end = await gate.enter(never)
  const given = new AbortController()
  const second = gate.enter(given.signal)
  const third = gate.enter(never)

  end?.()
  given.abort()

  assert.equal(await second, undefined)
  assert.equal(typeof (await soFar(third)), 'function')
})
