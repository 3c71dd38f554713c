/** Routes that register, list, show and delete devices. */
import * as z from 'zod'
import { MooringError } from '../../../core/errors.ts'
import { deviceId } from '../../../core/ids.ts'
import { assign } from '../../../core/placement/assign.ts'
import { notify } from '../../../core/placement/notify.ts'
import { readDevice, register } from '../../../core/protocol/ownership.ts'
import { erase, requestDeletion } from '../../../core/requests/device-requests.ts'
import type { DeviceRow } from '../../../core/store/device-row.ts'
import { readHistory, recordHistory } from '../../../core/telemetry/history.ts'
import type { LambdaWorld } from '../../world.ts'
import { json } from '../answer.ts'
import { DeviceAnswer, DeviceStatus, describeDevice, describeDevices } from '../answers/device.ts'
import { listDevices } from '../answers/device-list.ts'
import { recordRequest } from '../record-request.ts'
import { answers, defineRoute, named } from '../route.ts'
import { CursorText, DeviceIdText, DeviceParams, Limit, Next, ServerIdText, Time } from '../schemas.ts'

const NAME_CHARACTERS_MAX = 128
/** The name is shown to people, so it has no control characters and no halves of surrogate pairs. */
const NAME_FORM = /^[^\p{Cc}\p{Cs}]+$/u

const registerDevice = defineRoute({
  method: 'POST',
  path: '/devices',
  scope: 'operate',
  summary: 'Register a device',
  description:
    'Repeating it with the same `deviceId` is harmless: the answer is then 200 with the device as it is.',
  body: z.strictObject({
    deviceId: DeviceIdText.optional().describe('chosen by Mooring when left out'),
    name: z
      .string()
      .max(NAME_CHARACTERS_MAX)
      .regex(NAME_FORM, 'no control characters')
      .optional()
      .describe('the `deviceId` when left out'),
  }),
  answers: {
    200: answers('the device was registered before', DeviceAnswer),
    201: answers('the device is registered; without room on any server, `explanation` says so', DeviceAnswer),
  },
  refusals: ['DEVICE_NAME_DIFFERS', 'DEVICE_BEING_DELETED'],
  async handle(world, { body, caller }) {
    const id = body.deviceId ?? deviceId(world.random.id())
    const name = body.name ?? id
    const isNew = await register(world.store, world.clock, {
      deviceId: id,
      name,
      credentialsId: world.random.id(),
    })
    if (isNew) {
      world.telemetry.emit('device.registered', { deviceId: id, keyId: caller.keyId })
      await recordHistory(world, { deviceId: id, event: 'registered', why: `with key ${caller.keyId}` })
    } else refuseOther(await readDevice(world.store, id), body.name)
    // Also for a repeated request: the first one may have ended between the two steps.
    await assign(world, [id])
    const row = await readDevice(world.store, id)
    return json(isNew ? 201 : 200, await describeDevice(world, row))
  },
})

function refuseOther(row: DeviceRow, name: string | undefined): void {
  if (row.deleting) {
    throw new MooringError(
      'DEVICE_BEING_DELETED',
      `device "${row.deviceId}" is being deleted; try again later`,
    )
  }
  if (name !== undefined && row.name !== name) {
    throw new MooringError(
      'DEVICE_NAME_DIFFERS',
      `device "${row.deviceId}" is registered under the name "${row.name}"`,
    )
  }
}

const DevicePage = named('DevicePage', z.object({ devices: z.array(DeviceAnswer), next: Next.optional() }))
export type DevicePage = z.output<typeof DevicePage>

const listDevicesRoute = defineRoute({
  method: 'GET',
  path: '/devices',
  scope: 'read',
  summary: 'List devices',
  description:
    'With `status`, the list is in the order of the last change; otherwise it has no order. ' +
    'A page may have fewer rows than `limit` and still have a next page. ' +
    'A device that changes meanwhile may be listed twice, or as it was.',
  query: z.strictObject({
    status: DeviceStatus.optional(),
    owner: ServerIdText.optional().describe('the `serverId` of the owner'),
    updatedSince: z.iso
      .datetime({ offset: true })
      .optional()
      .describe('only devices that changed at this time or later'),
    limit: Limit,
    cursor: CursorText.optional(),
  }),
  answers: {
    200: answers('a page of devices', DevicePage),
  },
  refusals: ['BAD_CURSOR'],
  async handle(world, { query }) {
    const { limit, cursor, ...filters } = query
    const list = `devices ${JSON.stringify(filters)}`
    const updatedSinceMs = filters.updatedSince === undefined ? undefined : Date.parse(filters.updatedSince)
    const page = await world.cursors.readAt(list, cursor, (after) =>
      listDevices(world.store, { ...filters, updatedSinceMs }, limit, after),
    )
    const devices = await describeDevices(world, page.rows)
    return json(200, { devices, ...(page.next ? { next: world.cursors.write(list, page.next) } : {}) })
  },
})

const showDevice = defineRoute({
  method: 'GET',
  path: '/devices/{deviceId}',
  scope: 'read',
  summary: 'Show a device',
  params: DeviceParams,
  answers: { 200: answers('the device', DeviceAnswer) },
  refusals: ['DEVICE_NOT_FOUND'],
  async handle(world, { params }) {
    return json(200, await describeDevice(world, await readDevice(world.store, params.deviceId)))
  },
})

const DeletedDevice = named('DeletedDevice', z.object({ deviceId: z.string(), deleted: z.literal(true) }))
export type DeletedDevice = z.output<typeof DeletedDevice>

const deleteDevice = defineRoute({
  method: 'DELETE',
  path: '/devices/{deviceId}',
  scope: 'admin',
  summary: 'Delete a device',
  description:
    'Its credentials and its history are deleted too. The phone goes on showing the linked device until somebody ' +
    'removes it there; log the device out first to avoid that. While a server owns the device, the answer is 202: ' +
    'the server releases the device, and it is then erased. ' +
    'Repeat the request, or GET the device until it is 404.',
  params: DeviceParams,
  answers: {
    200: answers('the device is erased', DeletedDevice),
    202: answers('its server is asked to release it', DeviceAnswer),
  },
  refusals: ['DEVICE_NOT_FOUND'],
  async handle(world, { params, caller }) {
    const row = await requestDeletion(world.store, world.clock, params.deviceId)
    await recordRequest(world, row, 'delete', caller)
    if (row.owner) await notify(world, row.owner)
    else if (await eraseNow(world, row)) return json(200, { deviceId: row.deviceId, deleted: true })
    return json(202, await describeDevice(world, row))
  },
})

async function eraseNow(world: LambdaWorld, { deviceId }: DeviceRow): Promise<boolean> {
  const erased = await erase(world.store, deviceId)
  if (erased) world.telemetry.emit('device.erased', { deviceId })
  return erased
}

const HistoryPage = named(
  'HistoryPage',
  z.object({
    deviceId: z.string(),
    history: z.array(
      z.object({
        at: Time,
        event: z.string(),
        why: z.string(),
        serverId: z.string().optional(),
        serverName: z.string().optional(),
        epoch: z.int().optional(),
      }),
    ),
    next: Next.optional(),
  }),
)
export type HistoryPage = z.output<typeof HistoryPage>

const showHistory = defineRoute({
  method: 'GET',
  path: '/devices/{deviceId}/history',
  scope: 'read',
  summary: 'Show the history of a device: its owners, the times and the reasons; the newest first',
  params: DeviceParams,
  query: z.strictObject({ limit: Limit, cursor: CursorText.optional() }),
  answers: {
    200: answers('a page of the history', HistoryPage),
  },
  refusals: ['DEVICE_NOT_FOUND', 'BAD_CURSOR'],
  async handle(world, { params, query }) {
    const { deviceId } = await readDevice(world.store, params.deviceId)
    const list = `history ${deviceId}`
    const page = await world.cursors.readAt(list, query.cursor, (after) =>
      readHistory(world.store, deviceId, query.limit, after),
    )
    const history = page.rows.map(({ at, event, why, server, serverName, epoch }) => ({
      // The stored time ends in a random part, so that no two rows collide.
      at: at.split('#')[0],
      event,
      why,
      serverId: server,
      serverName,
      epoch,
    }))
    return json(200, {
      deviceId,
      history,
      ...(page.next ? { next: world.cursors.write(list, page.next) } : {}),
    })
  },
})

export const DEVICE_ROUTES = [registerDevice, listDevicesRoute, showDevice, deleteDevice, showHistory]
