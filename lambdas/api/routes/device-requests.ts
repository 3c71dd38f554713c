/** Routes that ask something of a device. Each writes the wish, tells the owner to look, and answers 202: what comes of it
 *  shows in the device. */
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

interface Wish {
  readonly verb: 'start' | 'stop' | 'restart' | 'logout'
  readonly summary: string
  readonly refusals: Route['refusals'] & {}
  /** @param asked who asks, and when: in the row, for those who wonder */
  write(world: LambdaWorld, id: DeviceId, asked: string): Promise<DeviceRow>
}

const WISHES: readonly Wish[] = [
  {
    verb: 'start',
    summary: 'Want the device connected; also after a conflict, a logout or a quarantine',
    refusals: ['DEVICE_BEING_IMPORTED'],
    write: ({ store, clock }, id) => start(store, clock, id),
  },
  {
    verb: 'stop',
    summary: 'Want its socket closed; its credentials stay',
    refusals: ['DEVICE_BEING_IMPORTED'],
    write: ({ store, clock }, id, asked) => stop(store, clock, id, `stopped ${asked}`),
  },
  {
    verb: 'restart',
    summary: 'Want its socket closed and opened again',
    refusals: ['DEVICE_NOT_RUNNING', 'DEVICE_QUARANTINED'],
    write: ({ store, clock }, id) => restart(store, clock, id),
  },
  {
    verb: 'logout',
    summary: 'Want it unlinked at WhatsApp, and its credentials archived',
    refusals: ['DEVICE_BEING_IMPORTED'],
    write: ({ store, clock, random }, id, asked) =>
      logout(store, clock, id, random.id(), `logged out ${asked}`),
  },
]

const requestRoutes = WISHES.map(({ verb, summary, refusals, write }) =>
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
      const asked = `with key ${caller.keyId} at ${isoTime(world.clock.wallMs())}`
      const row = await write(world, params.deviceId, asked)
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

export const REQUEST_ROUTES = requestRoutes
