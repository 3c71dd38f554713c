import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { createTaskStoppedHandler } from '../../lambdas/task-stopped.ts'
import {
  anActiveServer,
  embeddedTables,
  ownedCounts,
  ownedDevices,
  serverRow,
  type Tables,
} from '../builders/builders.ts'
import { aContext, aTaskStateChange, lambdaWorldOn, TASK_ARN, type TaskWish } from './events.ts'

let tables: Tables
before(async () => {
  tables = await embeddedTables()
})
after(() => tables.close())

/** A server whose task may stop, with 5 devices, and another server with room. */
async function aTask() {
  const world = lambdaWorldOn(await tables.fresh())
  const server = await anActiveServer(world, 'server-1', { taskArn: TASK_ARN })
  const devices = await ownedDevices(world, server, 5)
  const other = await anActiveServer(world, 'server-2')
  const handler = createTaskStoppedHandler(world)
  const tell = (wish: TaskWish = {}) => handler(aTaskStateChange(wish), aContext())
  const state = async () => (await serverRow(world.store, server.serverId)).state
  const spread = () =>
    ownedCounts(
      world.store,
      devices.map((device) => device.deviceId),
      [server, other],
    )
  return { world, tell, state, spread }
}

test('a task that stopped with an exit code is buried, and its devices move at once', async () => {
  const { world, tell, state, spread } = await aTask()
  await tell({ exitCodes: [137] })
  assert.deepEqual([await state(), await spread()], ['dead', [0, 5]])
  assert.deepEqual(world.rings, ['server-2'])
  assert.equal(world.told('server.buried').length, 1)
})

test('exit code 0 is an exit, too', async () => {
  const { tell, state } = await aTask()
  await tell({ exitCodes: [0] })
  assert.equal(await state(), 'dead')
})

test('without an exit code nothing is buried: the lease decides', async () => {
  const { world, tell, state, spread } = await aTask()
  await tell({ exitCodes: ['lost'] })
  assert.deepEqual([await state(), await spread()], ['active', [5, 0]])
  assert.match(String(world.told('server.task_stopped')[0]?.why), /the lease decides/)
})

test('a task that lost one of its containers is not buried: it may have been the server', async () => {
  const { tell, state } = await aTask()
  await tell({ exitCodes: [0, 'lost'] })
  assert.equal(await state(), 'active')
})

test('a task that stopped without any container is not buried', async () => {
  const { tell, state } = await aTask()
  await tell({ exitCodes: [] })
  assert.equal(await state(), 'active')
})

test('a task that is about to stop is not buried', async () => {
  const { tell, state } = await aTask()
  await tell({ lastStatus: 'STOPPING' })
  assert.equal(await state(), 'active')
})

test('the same event twice is harmless', async () => {
  const { world, tell, spread } = await aTask()
  await tell()
  await tell()
  assert.deepEqual(await spread(), [0, 5])
  assert.equal(world.told('server.buried').length, 1)
})

test('an older event that comes after the end changes nothing', async () => {
  const { tell, state, spread } = await aTask()
  await tell()
  await tell({ lastStatus: 'RUNNING', exitCodes: ['lost'] })
  assert.deepEqual([await state(), await spread()], ['dead', [0, 5]])
})

test('the end of a task that runs no server touches nobody', async () => {
  const { tell, state, spread } = await aTask()
  await tell({ taskArn: `${TASK_ARN}-other` })
  assert.deepEqual([await state(), await spread()], ['active', [5, 0]])
})

test('an event of another form is an error that Lambda can see', async () => {
  const world = lambdaWorldOn(await tables.fresh())
  const event = { ...aTaskStateChange(), detail: { lastStatus: 'STOPPED' } }
  await assert.rejects(createTaskStoppedHandler(world)(event, aContext()))
})
