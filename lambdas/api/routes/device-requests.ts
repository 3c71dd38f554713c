/** Routes that start, stop, restart or log out a device. Each writes the request into the device's row, tells
 *  the owner to look, and answers 202: the result shows later in the device. */
import * as z from 'zod'
import type { DeviceId } from '../../../core/ids.ts'
import { assign } from '../../../core/placement/assign.ts'
import { notify } from '../../../core/placement/notify.ts'
import { readDevice } from '../../../core/protocol/ownership.ts'
import { logout, restart, start, stop } from '../../../core/requests/device-requests.ts'
import type { DeviceRow } from '../../../core/store/device-row.ts'
import type { LambdaWorld } from '../../world.ts'
import { json } from '../answer.ts'
import { DeviceAnswer, describeDevice } from '../answers/device.ts'
import { recordRequest } from '../record-request.ts'
import { answers, defineRoute, type Route } from '../route.ts'
import { DeviceParams, isoTime } from '../schemas.ts'

interface DeviceRequest {
  readonly verb: 'start' | 'stop' | 'restart' | 'logout'
  readonly summary: string
  readonly refusals: Route['refusals'] & {}
  /** @param origin the key and the time of the request, stored in the row for people */
  write(world: LambdaWorld, id: DeviceId, origin: string): Promise<DeviceRow>
}

const REQUESTS: readonly DeviceRequest[] = [
  {
    verb: 'start',
    summary: 'Connect the device, also after a conflict, a logout or a quarantine',
    refusals: ['DEVICE_BEING_IMPORTED'],
    write: ({ store, clock }, id) => start(store, clock, id),
  },
  {
    verb: 'stop',
    summary: 'Close the socket of the device and keep its credentials',
    refusals: ['DEVICE_BEING_IMPORTED'],
    write: ({ store, clock }, id, origin) => stop(store, clock, id, `stopped ${origin}`),
  },
  {
    verb: 'restart',
    summary: 'Close the socket of the device and open it again',
    refusals: ['DEVICE_NOT_RUNNING', 'DEVICE_QUARANTINED'],
    write: ({ store, clock }, id) => restart(store, clock, id),
  },
  {
    verb: 'logout',
    summary: 'Unlink the device at WhatsApp and archive its credentials',
    refusals: ['DEVICE_BEING_IMPORTED'],
    write: ({ store, clock, random }, id, origin) =>
      logout(store, clock, id, random.id(), `logged out ${origin}`),
  },
]

export const DEVICE_REQUEST_ROUTES = REQUESTS.map(({ verb, summary, refusals, write }) =>
  defineRoute({
    method: 'POST',
    path: `/devices/{deviceId}/${verb}`,
    scope: 'operate',
    summary,
    params: DeviceParams,
    body: z.strictObject({}),
    answers: { 202: answers('the request is written; `status` shows the result', DeviceAnswer) },
    refusals: ['DEVICE_NOT_FOUND', 'DEVICE_BEING_DELETED', ...refusals],
    async handle(world, { params, caller }) {
      const origin = `with key ${caller.keyId} at ${isoTime(world.clock.wallMs())}`
      const row = await write(world, params.deviceId, origin)
      await tell(world, row)
      await recordRequest(world, row, verb, caller)
      return json(202, await describeDevice(world, await readDevice(world.store, params.deviceId)))
    },
  }),
)

/** Tells the owner to look. A device that should run and has no owner gets a server instead. */
async function tell(world: LambdaWorld, { deviceId, owner, desired }: DeviceRow): Promise<void> {
  if (owner) await notify(world, owner)
  else if (desired === 'running') await assign(world, [deviceId])
}
