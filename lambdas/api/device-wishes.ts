/** Routes that ask something of a device. Each writes the wish, tells the owner to look, and answers 202: what comes of it
 *  shows in the device. */
import * as z from 'zod'
import { assign, notify } from '../../core/assign.ts'
import type { DeviceRow } from '../../core/device.ts'
import { MooringError } from '../../core/errors.ts'
import type { DeviceId, ServerId } from '../../core/ids.ts'
import { readDevice } from '../../core/ownership.ts'
import { logout, requestMove, restart, start, stop } from '../../core/requests.ts'
import { asServer } from '../../core/server.ts'
import type { LambdaWorld } from '../world.ts'
import { json } from './answers.ts'
import { DeviceAnswer, describeDevice } from './device-answer.ts'
import { recordRequest } from './record-request.ts'
import { answers, defineRoute, type Route } from './route.ts'
import { DeviceParams, ServerIdText } from './schemas.ts'

interface Wish {
  readonly verb: 'start' | 'stop' | 'restart' | 'logout'
  readonly summary: string
  readonly refusals: Route['refusals'] & {}
  write(world: LambdaWorld, id: DeviceId): Promise<DeviceRow>
}

const WISHES: readonly Wish[] = [
  {
    verb: 'start',
    summary: 'Want the device connected; also after a conflict or a logout',
    refusals: ['DEVICE_BEING_IMPORTED'],
    write: ({ store, clock }, id) => start(store, clock, id),
  },
  {
    verb: 'stop',
    summary: 'Want its socket closed; its credentials stay',
    refusals: ['DEVICE_BEING_IMPORTED'],
    write: ({ store, clock }, id) => stop(store, clock, id, 'stopped by the operator'),
  },
  {
    verb: 'restart',
    summary: 'Want its socket closed and opened again',
    refusals: ['DEVICE_NOT_RUNNING'],
    write: ({ store, clock }, id) => restart(store, clock, id),
  },
  {
    verb: 'logout',
    summary: 'Want it unlinked at WhatsApp, and its credentials archived',
    refusals: ['DEVICE_BEING_IMPORTED'],
    write: ({ store, clock, random }, id) => logout(store, clock, id, random.id()),
  },
]

const wishRoutes = WISHES.map(({ verb, summary, refusals, write }) =>
  defineRoute({
    method: 'POST',
    path: `/devices/{deviceId}/${verb}`,
    scope: 'operate',
    summary,
    params: DeviceParams,
    body: z.strictObject({}),
    answers: { 202: answers('asked for; see `status`', DeviceAnswer) },
    refusals: ['DEVICE_NOT_FOUND', 'DEVICE_BEING_DELETED', ...refusals],
    async handle(world, { params, caller }) {
      const row = await write(world, params.deviceId)
      await tell(world, row)
      await recordRequest(world, row, verb, caller)
      return json(202, await describeDevice(world, await readDevice(world.store, params.deviceId)))
    },
  }),
)

/** Its owner looks at it; one that is wanted and has none gets a server. */
async function tell(world: LambdaWorld, { deviceId, owner, desired }: DeviceRow): Promise<void> {
  if (owner) await notify(world, owner)
  else if (desired === 'running') await assign(world, [deviceId])
}

const reassign = defineRoute({
  method: 'POST',
  path: '/devices/{deviceId}/reassign',
  scope: 'operate',
  summary: 'Move the device to the given server, or to any',
  description:
    'Nothing takes a device from a live server: its owner is asked to let go, and placement then prefers the server ' +
    'that was asked for. A device without an owner is placed at once.',
  params: DeviceParams,
  body: z.strictObject({ serverId: ServerIdText.optional() }),
  answers: {
    200: answers('it is on that server already', DeviceAnswer),
    202: answers('asked for; see `owner`', DeviceAnswer),
  },
  refusals: [
    'DEVICE_NOT_FOUND',
    'DEVICE_NOT_RUNNING',
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
    const asked = await askToMove(world, row, body.serverId ?? 'any')
    await tell(world, asked)
    await recordRequest(world, asked, `reassign to ${body.serverId ?? 'any server'}`, caller)
    return json(202, await describeDevice(world, await readDevice(world.store, params.deviceId)))
  },
})

/** @throws MooringError SERVER_NOT_FOUND | SERVER_NOT_ACTIVE | SERVER_FULL */
async function mustHaveRoom(world: LambdaWorld, id: ServerId): Promise<void> {
  const server = asServer(await world.store.get('Servers', { serverId: id }))
  if (!server) throw new MooringError('SERVER_NOT_FOUND', `there is no server ${id}`)
  if (server.state !== 'active') {
    throw new MooringError(
      'SERVER_NOT_ACTIVE',
      `server ${server.name} is ${server.state} and takes no devices`,
    )
  }
  if (server.load >= server.capacity) {
    throw new MooringError(
      'SERVER_FULL',
      `server ${server.name} has ${server.load} of ${server.capacity} devices`,
    )
  }
}

/** The device changed hands between read and write, at most this often, before the caller is asked to try again. */
const MOVE_TRIES_MAX = 3

async function askToMove(
  world: LambdaWorld,
  row: DeviceRow,
  target: ServerId | 'any',
  tried = 0,
): Promise<DeviceRow> {
  const { deviceId, owner } = row
  if (row.deleting) throw new MooringError('DEVICE_BEING_DELETED', `device ${deviceId} is being deleted`)
  if (row.desired === 'stopped') {
    throw new MooringError('DEVICE_NOT_RUNNING', `device ${deviceId} is stopped; start it first`)
  }
  if (!owner) return row
  const asked = await requestMove(world.store, world.clock, { device: deviceId, from: owner, to: target })
  if (asked) {
    world.telemetry.emit('device.move_requested', { deviceId, serverId: owner, why: `asked to ${target}` })
    return asked
  }
  if (tried === MOVE_TRIES_MAX) {
    throw new MooringError('STORE_BUSY', `device ${deviceId} changed hands again and again; try again`)
  }
  return askToMove(world, await readDevice(world.store, deviceId), target, tried + 1)
}

export const WISH_ROUTES = [...wishRoutes, reassign]
