import assert from 'node:assert/strict'
import { test } from 'node:test'
import { firstTimes, textsOf } from './order-of-texts.ts'
import { assertInOrder, orderScenes } from './order-scene.ts'

const aScene = orderScenes()

test('texts that have waited are handed over before live texts at the login, after a takeover', async (context) => {
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
