import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLeaseGate } from '../../../hosts/server/lease-gate.ts'

const never = new AbortController().signal

function aGate({ isValid }: { isValid: boolean }) {
  const told: string[] = []
  const lease = { valid: isValid }
  const gate = createLeaseGate({
    lease: { isValid: () => lease.valid },
    cut: () => void told.push('cut'),
    fenced: () => void told.push('fenced'),
    recovered: () => void told.push('recovered'),
  })
  return { gate, told, lease }
}

/** Whether `promise` has resolved by now. */
async function hasResolved(promise: Promise<void>): Promise<boolean> {
  let resolved = false
  void promise.then(() => {
    resolved = true
  })
  await new Promise<void>((resolve) => setImmediate(resolve))
  return resolved
}

test('a connection may act while the lease is valid, and no socket is cut', () => {
  const { gate, told } = aGate({ isValid: true })
  assert.equal(gate.mayAct(), true)
  assert.deepEqual(told, [])
})

test('the first connection that wants to act after the lease has every socket cut before it is refused', () => {
  const { gate, told } = aGate({ isValid: false })
  assert.equal(gate.mayAct(), false)
  assert.deepEqual(told, ['cut', 'fenced'])
})

test('the fence is raised and told once, however often it is noticed', () => {
  const { gate, told } = aGate({ isValid: false })
  gate.mayAct()
  gate.fence()
  gate.mayAct()
  assert.deepEqual(told, ['cut', 'fenced'])
})

test('after a recovery the next end of the lease is a fence again', () => {
  const { gate, told } = aGate({ isValid: false })
  gate.fence()
  gate.open()
  gate.fence()
  assert.deepEqual(told, ['cut', 'fenced', 'recovered', 'cut', 'fenced'])
})

test('a renewed lease tells of a recovery only when sockets had been cut', () => {
  const { gate, told } = aGate({ isValid: true })
  gate.open()
  assert.deepEqual(told, [])
})

test('sockets that are cut for another reason leave nothing for the fence to tell', () => {
  const { gate, told } = aGate({ isValid: false })
  gate.cutAll()
  gate.fence()
  assert.deepEqual(told, ['cut'])
})

test('sockets are cut for another reason even when the fence had cut them before', () => {
  const { gate, told } = aGate({ isValid: false })
  gate.fence()
  gate.cutAll()
  assert.deepEqual(told, ['cut', 'fenced', 'cut'])
})

test('a connection waits for the lease until the gate opens', async () => {
  const { gate } = aGate({ isValid: false })
  const waits = [gate.leaseValid(never), gate.leaseValid(never)] as const
  assert.equal(await hasResolved(waits[0]), false)
  gate.open()
  assert.equal(await hasResolved(waits[0]), true)
  assert.equal(await hasResolved(waits[1]), true)
})

test('a connection that is told to stop waits for the lease no longer', async () => {
  const { gate } = aGate({ isValid: false })
  const stop = new AbortController()
  const wait = gate.leaseValid(stop.signal)
  assert.equal(await hasResolved(wait), false)
  stop.abort()
  assert.equal(await hasResolved(wait), true)
})

test('a connection does not wait when the lease is valid, or when it was told to stop before', async () => {
  assert.equal(await hasResolved(aGate({ isValid: true }).gate.leaseValid(never)), true)
  assert.equal(await hasResolved(aGate({ isValid: false }).gate.leaseValid(AbortSignal.abort())), true)
})
