/** A scene for each test of order: a copy of a linked device that has talked with its contacts before. */
import assert from 'node:assert/strict'
import { after, before, type TestContext } from 'node:test'
import type { Snapshot } from './linked-device.ts'
import { firstTimes, orderScene, renumbered, type Scene, textsOf } from './order-of-texts.ts'
import { settledDevice } from './walk.ts'

/** Call it once, at the top of a test file. @returns makes the scene of one test */
export function orderScenes(): (context: TestContext) => Promise<Scene> {
  let snapshot: Snapshot
  before(async () => {
    snapshot = await settledDevice()
  })
  after(() => snapshot.remove())

  return async (context) => {
    const device = await snapshot.restore()
    const scene = orderScene(device)
    context.after(async () => {
      scene.end()
      await device.close()
    })
    return scene
  }
}

export function assertInOrder({ written, handedOver }: Scene): void {
  const messages = firstTimes(handedOver)
  const numbers = messages.map(({ seq }) => seq)
  assert.deepEqual(textsOf(messages), written)
  assert.deepEqual(
    numbers.filter((seq, at) => at > 0 && seq <= (numbers[at - 1] ?? 0)),
    [],
    'numbers rise',
  )
  assert.deepEqual(renumbered(handedOver), [], 'a message that comes again has the same number')
}
