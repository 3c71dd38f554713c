import { test } from 'node:test'
import { assertInOrder, orderScenes } from './order-scene.ts'

const aScene = orderScenes()

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
