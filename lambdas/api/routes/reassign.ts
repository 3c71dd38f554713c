/** The route that moves a device to another server. The answer has an operation that
 *  shows the progress of the move. */
import * as z from 'zod'
import { MooringError } from '../../../core/errors.ts'
import type { ServerId } from '../../../core/ids.ts'
import { beginOperation } from '../../../core/operations/operations.ts'
import { assign } from '../../../core/placement/assign.ts'
import { notify } from '../../../core/placement/notify.ts'
import { readDevice } from '../../../core/protocol/ownership.ts'
import { quarantined } from '../../../core/requests/device-requests.ts'
import { askToMove } from '../../../core/requests/move-requests.ts'
import type { DeviceRow } from '../../../core/store/device-row.ts'
import type { Reassign } from '../../../core/store/operation-row.ts'
import { asServer } from '../../../core/store/server-row.ts'
import type { LambdaWorld } from '../../world.ts'
import { json } from '../answer.ts'
import { DeviceAnswer, describeDevice } from '../answers/device.ts'
import { describeOperation, OperationAnswer } from '../answers/operation.ts'
import { recordRequest } from '../record-request.ts'
import { answers, defineRoute, named } from '../route.ts'
import { DeviceParams, ServerIdText } from '../schemas.ts'

const ReassignedDevice = named('ReassignedDevice', DeviceAnswer.extend({ operation: OperationAnswer }))
export type ReassignedDevice = z.output<typeof ReassignedDevice>

const reassign = defineRoute({
  method: 'POST',
  path: '/devices/{deviceId}/reassign',
  scope: 'operate',
  summary: 'Move the device to the given server, or to any',
  description:
    'Nothing takes a device from a live server: its owner is asked to release it, and placement then prefers the ' +
    'given server. A device without an owner is placed at once. GET /operations/{operationId} shows the `operation`. ' +
    'It is done when the device is on the server and connected, or waits to be linked there. It can be refused, and ' +
    'it times out after a minute: the request is then taken back.',
  params: DeviceParams,
  body: z.strictObject({ serverId: ServerIdText.optional() }),
  answers: {
    200: answers('the device is on that server already', DeviceAnswer),
    202: answers('the owner is asked to release the device; follow `operation`', ReassignedDevice),
  },
  refusals: [
    'DEVICE_NOT_FOUND',
    'DEVICE_NOT_RUNNING',
    'DEVICE_QUARANTINED',
    'DEVICE_BEING_DELETED',
    'SERVER_NOT_FOUND',
    'SERVER_NOT_ACTIVE',
    'SERVER_FULL',
  ],
  async handle(world, { params, body, caller }) {
    const row = await readDevice(world.store, params.deviceId)
    if (body.serverId !== undefined && row.owner === body.serverId) {
      return json(200, await describeDevice(world, row))
    }
    if (body.serverId !== undefined) await mustHaveRoom(world, body.serverId)
    const to = body.serverId ?? 'any'
    const operationId = world.random.id()
    const why = `asked for with key ${caller.keyId}`
    const asked = await askPresentOwner(world, row, to, operationId, why)
    if (!asked) return json(200, await describeDevice(world, await readDevice(world.store, params.deviceId)))
    // The request was written first: an operation without its request would wait for nothing.
    const operation = await begin(world, asked, operationId, to, caller.keyId)
    if (asked.owner) await notify(world, asked.owner)
    else await assign(world, [asked.deviceId])
    const target = body.serverId === undefined ? 'any server' : `server "${body.serverId}"`
    await recordRequest(world, asked, `reassign to ${target}`, caller)
    const device = await describeDevice(world, await readDevice(world.store, params.deviceId))
    return json(202, { ...device, operation: await describeOperation(world, operation) })
  },
})

async function begin(
  world: LambdaWorld,
  { deviceId, owner, claimId }: DeviceRow,
  operationId: string,
  to: ServerId | 'any',
  askedBy: string,
): Promise<Reassign> {
  const kind = 'reassign'
  const begun = await beginOperation<Reassign>(world.store, world.clock, {
    operationId,
    kind,
    deviceId,
    ...(owner ? { from: owner } : {}),
    ...(owner && claimId ? { claimId } : {}),
    to,
    why: owner ? 'its server is asked to release it' : 'it waits for a server with room',
    askedBy,
  })
  if (!begun) throw new Error(`operation id ${operationId} was used before`)
  world.telemetry.emit('operation.begun', { operationId, kind, deviceId, to, askedBy })
  return begun
}

/** @throws MooringError SERVER_NOT_FOUND | SERVER_NOT_ACTIVE | SERVER_FULL */
export async function mustHaveRoom(world: LambdaWorld, serverId: ServerId): Promise<void> {
  const server = asServer(await world.store.get('Servers', { serverId }))
  if (!server) throw new MooringError('SERVER_NOT_FOUND', `there is no server "${serverId}"`)
  if (server.state !== 'active') {
    throw new MooringError(
      'SERVER_NOT_ACTIVE',
      `server "${server.name}" is ${server.state} and takes no devices; name another one, or none`,
    )
  }
  if (server.load >= server.capacity) {
    throw new MooringError(
      'SERVER_FULL',
      `server "${server.name}" has ${server.load} of ${server.capacity} devices; name another one, or none`,
    )
  }
}

/** Each try is for nothing if the owner changes between the read and the write. */
const MOVE_TRIES_MAX = 4

/** @returns the row with the request; undefined when the device came to that server meanwhile */
async function askPresentOwner(
  world: LambdaWorld,
  read: DeviceRow,
  to: ServerId | 'any',
  moveId: string,
  why: string,
): Promise<DeviceRow | undefined> {
  const { deviceId } = read
  let row = read
  for (let tried = 0; tried < MOVE_TRIES_MAX; tried++) {
    if (row.deleting) throw new MooringError('DEVICE_BEING_DELETED', `device "${deviceId}" is being deleted`)
    if (row.desired === 'stopped') {
      throw new MooringError('DEVICE_NOT_RUNNING', `device "${deviceId}" is stopped; start it first`)
    }
    if (row.quarantinedAt !== undefined) throw quarantined(deviceId)
    const { owner } = row
    if (owner === to) return undefined
    const asked = await askToMove(world, { device: deviceId, from: owner, to, moveId, why })
    if (asked) return asked
    row = await readDevice(world.store, deviceId)
  }
  throw new MooringError(
    'STORE_BUSY',
    `the owner of device "${deviceId}" kept changing while this request ran; try again`,
  )
}

export const REASSIGN_ROUTES = [reassign]
