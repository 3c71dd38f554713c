import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deviceId, serverId } from '../../../core/ids.ts'
import { createSuspicion } from '../../../hosts/device/suspicion.ts'
import type { HostWorld } from '../../../hosts/world.ts'
import { worldOn } from '../../builders/builders.ts'
import { scriptedRandom } from '../../builders/chance.ts'
import { aServerContext } from './connection-scene.ts'

const never = new AbortController().signal

function aSuspicion(points: number) {
  const base = { ...worldOn({} as never), random: scriptedRandom(1) }
  const context = aServerContext(base, { serverId: serverId('server-1'), name: 'server-1' })
  const world = base as unknown as HostWorld
  const make = (id: string) => createSuspicion(world, context, deviceId(id), points)
  return { world: base, suspicion: make('device-1'), other: make('device-2') }
}

/** Whether `promise` has resolved by now. */
async function hasResolved(promise: Promise<unknown>): Promise<boolean> {
  let resolved = false
  void promise.then(() => {
    resolved = true
  })
  await new Promise<void>((resolve) => setImmediate(resolve))
  return resolved
}

test('a device is a suspect from three points on, until a socket has ended with fewer', () => {
  assert.equal(aSuspicion(2).suspicion.isSuspect(), false)
  const { suspicion } = aSuspicion(3)
  assert.equal(suspicion.isSuspect(), true)
  suspicion.socketEnded(0)
  assert.equal(suspicion.isSuspect(), false)
  assert.equal(suspicion.points(), 0)
})

test('a suspect pauses once before it connects, and that is told', async () => {
  const { world, suspicion } = aSuspicion(3)
  const entering = suspicion.enterProbation(never)
  assert.equal(await hasResolved(entering), false)
  world.clock.advance(5000)
  assert.equal(await hasResolved(entering), true)
  assert.equal(world.told('device.suspected')[0]?.pauseMs, 5000)
  const probation = await entering
  probation?.end()
  assert.equal(await hasResolved(suspicion.enterProbation(never)), true)
  assert.equal(world.told('device.suspected').length, 1)
})

test('two suspects of one server connect one after the other', async () => {
  const { world, suspicion, other } = aSuspicion(3)
  const first = suspicion.enterProbation(never)
  world.clock.advance(5000)
  await first
  const second = other.enterProbation(never)
  world.clock.advance(5000)
  assert.equal(await hasResolved(second), false)
  const probation = await first
  probation?.end()
  assert.equal(await hasResolved(second), true)
})

test('a login makes way for the next suspect when the device has been well for some seconds', async () => {
  const { world, suspicion, other } = aSuspicion(3)
  const first = suspicion.enterProbation(never)
  world.clock.advance(5000)
  await first
  const second = other.enterProbation(never)
  world.clock.advance(5000)
  suspicion.loggedIn()
  world.clock.advance(7999)
  assert.equal(await hasResolved(second), false)
  world.clock.advance(1)
  assert.equal(await hasResolved(second), true)
})

test('a suspect that is nudged in its pause does not enter', async () => {
  const { suspicion } = aSuspicion(3)
  const nudge = new AbortController()
  const entering = suspicion.enterProbation(nudge.signal)
  nudge.abort()
  assert.equal(await entering, undefined)
})
