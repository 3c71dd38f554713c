import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import type { Snapshot } from './linked-device.ts'
import { firstTimes, orderScene, renumbered, type Scene, textsOf } from './order-of-texts.ts'
import { settledDevice } from './walk.ts'

let snapshot: Snapshot
before(async () => {
  snapshot = await settledDevice()
})
after(() => snapshot.remove())

async function aScene(context: TestContext): Promise<Scene> {
  const device = await snapshot.restore()
  const scene = orderScene(device)
  context.after(async () => {
    scene.end()
    await device.close()
  })
  return scene
}

function assertInOrder({ written, handedOver }: Scene): void {
  const messages = firstTimes(handedOver)
  const numbers = messages.map(({ seq }) => seq)
  assert.deepEqual(textsOf(messages), written)
  assert.deepEqual(
    numbers.filter((seq, at) => at > 0 && seq <= (numbers[at - 1] ?? 0)),
    [],
    'numbers rise',
  )
  assert.deepEqual(renumbered(handedOver), [], 'what comes again has the same number')
}

test('what has waited is handed over before what comes live at the login, after a takeover', async (context) => {
  const scene = await aScene(context)
  await scene.takeOver()
  await scene.write(3)
  await scene.nobodyHasIt()
  await scene.write(40)

  await scene.takeOver()
  await scene.writeDuring(scene.hears(40))
  await scene.allArrived()

  assertInOrder(scene)
})

test('a short text does not overtake a long one before it, which WhatsApp compresses', async (context) => {
  const scene = await aScene(context)
  await scene.takeOver()
  await scene.write(4)
  await scene.allArrived()

  await scene.write(40, { longEach: 4 })
  await scene.allArrived()

  assertInOrder(scene)
})

test('a text that cannot be decrypted holds up no other, and comes when its contact repeats it', async (context) => {
  const scene = await aScene(context)
  await scene.takeOver()
  await scene.write(8)
  await scene.allArrived()
  await scene.nobodyHasIt()
  await scene.forgetSession()
  await scene.write(8)

  await scene.takeOver()
  await scene.allArrived()

  const got = textsOf(firstTimes(scene.handedOver))
  assert.notEqual(got[9], 'text 10', 'the second contact has written the tenth text')
  assert.deepEqual(
    got.filter((text) => !['text 10', 'text 14'].includes(text)),
    scene.written.filter((text) => !['text 10', 'text 14'].includes(text)),
  )
})

test('order holds over 50 logins while contacts write all the time, half of them of another host', async (context) => {
  const scene = await aScene(context)
  await scene.takeOver()

  for (let round = 0; round < 25; round++) {
    await scene.writeDuring(scene.reconnect())
    await scene.nobodyHasIt()
    await scene.write(8)
    await scene.takeOver()
    await scene.writeDuring(scene.hears(8))
  }
  await scene.allArrived()

  context.diagnostic(`${scene.written.length} texts, ${scene.handedOver.length} handed over`)
  assertInOrder(scene)
})
