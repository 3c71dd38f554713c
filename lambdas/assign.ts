/**
 * Finds servers for the given devices.
 * A server invokes it, without waiting, for the devices that it has released.
 * It must never trust the list: core/placement/assign.ts reads each device, and places it only if it should
 * run and has no owner.
 */
import middy from '@middy/core'
import * as z from 'zod'
import { deviceId, hasIdForm } from '../core/ids.ts'
import { assign } from '../core/placement/assign.ts'
import { readEnvironment } from './environment.ts'
import { atFirstInvocation, flushTelemetry } from './invocation.ts'
import { type LambdaWorld, lambdaWorld } from './world.ts'

/** More than any server owns. */
const DEVICES_MAX = 10_000

const AssignEvent = z.strictObject({
  deviceIds: z.array(z.string().refine(hasIdForm, 'not a device id').transform(deviceId)).max(DEVICES_MAX),
})
export type AssignEvent = z.input<typeof AssignEvent>

/** The number of devices for each outcome. */
export type AssignSummary = { readonly [outcome: string]: number }

export function createAssignHandler(world: LambdaWorld) {
  return middy(async (event: AssignEvent): Promise<AssignSummary> => {
    const { deviceIds } = AssignEvent.parse(event)
    const placements = await assign(world, deviceIds)
    const byOutcome = Map.groupBy(placements, ({ outcome }) => outcome)
    return Object.fromEntries([...byOutcome].map(([outcome, placed]) => [outcome, placed.length]))
  }).use(flushTelemetry(world))
}

export const handler = atFirstInvocation(() =>
  createAssignHandler(lambdaWorld('assign', readEnvironment('assign', process.env))),
)
