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
import { aContext, aTaskStateChange, lambdaWorldOn, TASK_ARN, type TaskOptions } from './events.ts'

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
  const tell = (options: TaskOptions = {}) => handler(aTaskStateChange(options), aContext())
  const state = async () => (await serverRow(world.store, server.serverId)).state
  const spread = () =>
    ownedCounts(
      world.store,
      devices.map((device) => device.deviceId),
      [server, other],
    )
  return { world, tell, state, spread }
}

test('the server of a task that stopped with an exit code is buried, and its devices move at once', async () => {
  const { world, tell, state, spread } = await aTask()
  await tell({ exitCodes: [137] })
  assert.equal(await state(), 'dead')
  assert.deepEqual(await spread(), [0, 5])
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
  assert.equal(await state(), 'active')
  assert.deepEqual(await spread(), [5, 0])
  assert.match(String(world.told('server.task_stopped')[0]?.why), /the lease decides/)
})

test('without the exit code of every container nothing is buried: the lost one may be the server', async () => {
  const { tell, state } = await aTask()
  await tell({ exitCodes: [0, 'lost'] })
  assert.equal(await state(), 'active')
})

test('the stop of a task without containers buries nothing', async () => {
  const { tell, state } = await aTask()
  await tell({ exitCodes: [] })
  assert.equal(await state(), 'active')
})

test('a task that is about to stop buries nothing', async () => {
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

test('an older event that arrives after the end changes nothing', async () => {
  const { tell, state, spread } = await aTask()
  await tell()
  await tell({ lastStatus: 'RUNNING', exitCodes: ['lost'] })
  assert.equal(await state(), 'dead')
  assert.deepEqual(await spread(), [0, 5])
})

test('the end of a task without a server changes nothing', async () => {
  const { tell, state, spread } = await aTask()
  await tell({ taskArn: `${TASK_ARN}-other` })
  assert.equal(await state(), 'active')
  assert.deepEqual(await spread(), [5, 0])
})

test('an event of another form fails the invocation', async () => {
  const world = lambdaWorldOn(await tables.fresh())
  const event = { ...aTaskStateChange(), detail: { lastStatus: 'STOPPED' } }
  await assert.rejects(createTaskStoppedHandler(world)(event, aContext()))
})
