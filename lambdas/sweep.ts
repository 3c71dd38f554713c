/**
 * The sweep: buries silent servers, evicts devices from dead ones, and places devices that wait.
 * EventBridge invokes it every minute. It looks once a second for 75 s, so one sweep overlaps the next.
 * It must never decide anything itself: core/sweep/sweep.ts does, and any number of sweeps may run at once.
 */
import middy from '@middy/core'
import type { Context, EventBridgeEvent } from 'aws-lambda'
import { sleep } from '../core/clock.ts'
import { scale } from '../core/sweep/scaling.ts'
import { SWEEP_LOOKS_FOR_MS, sweep } from '../core/sweep/sweep.ts'
import { ecsService } from './adapters/ecs-service.ts'
import { tasksOfCluster } from './adapters/ecs-tasks.ts'
import { readEnvironment } from './environment.ts'
import { atFirstInvocation, flushOnce, flushTelemetry } from './invocation.ts'
import { type LambdaWorld, lambdaWorld } from './world.ts'

export type ScheduledEvent = EventBridgeEvent<'Scheduled Event', unknown>

/** Kept at the end of the Lambda's time for the last look and the last flush. */
const RESERVE_MS = 5000
/** A sweep lasts longer than a minute, so its counts must not wait for its end. */
const FLUSH_EVERY_MS = 5000

/** @param until ends a sweep early where Lambda does not end it: in the local fleet and in tests
 *  @param scaling runs once, at the same time as the first look */
export function createSweepHandler(
  world: LambdaWorld,
  looksForMs: number = SWEEP_LOOKS_FOR_MS,
  until?: AbortSignal,
  scaling: () => Promise<void> = async () => undefined,
) {
  const unscaled = (error: unknown) => world.telemetry.emit('service.unscaled', { error })
  return middy(async (_event: ScheduledEvent, context: Context): Promise<void> => {
    const forMs = Math.min(looksForMs, context.getRemainingTimeInMillis() - RESERVE_MS)
    const over = new AbortController()
    const flushing = flushUntil(world, over.signal)
    try {
      await Promise.all([sweep(world, forMs, until), scaling().catch(unscaled)])
    } finally {
      over.abort()
      await flushing
    }
  }).use(flushTelemetry(world))
}

async function flushUntil(world: LambdaWorld, until: AbortSignal): Promise<void> {
  while (!until.aborted) {
    await sleep(world.clock, FLUSH_EVERY_MS, until)
    await flushOnce(world)
  }
}

/** The sweep as the given environment describes it. */
export function sweepOf(variables: Readonly<Record<string, string | undefined>>, until?: AbortSignal) {
  const environment = readEnvironment('sweep', variables)
  const { ECS_CLUSTER: cluster, ECS_SERVICE: name } = environment
  const service = cluster && name ? ecsService(cluster, name) : undefined
  const world = {
    ...lambdaWorld('sweep', environment, tasksOfCluster(cluster)),
    ...(service ? { service } : {}),
    fleetConnectsPerSecond: environment.FLEET_CONNECTS_PER_SECOND,
    rebalancing: {
      enabled: environment.REBALANCING === 'on',
      bandPercent: environment.REBALANCE_BAND_PERCENT,
      shareOfFleetPercent: environment.REBALANCE_SHARE_OF_FLEET_PERCENT,
      inFlightPerServer: environment.REBALANCE_IN_FLIGHT_PER_SERVER,
    },
  }
  const limits = {
    minimum: environment.SERVERS_MIN,
    maximum: environment.SERVERS_MAX,
    scaleOutCoolDownSeconds: environment.SCALE_OUT_COOL_DOWN_SECONDS,
    scaleInCoolDownSeconds: environment.SCALE_IN_COOL_DOWN_SECONDS,
  }
  const scaling = service ? () => scale(world, service, limits) : undefined
  return createSweepHandler(world, environment.SWEEP_LOOKS_FOR_MS, until, scaling)
}

export const handler = atFirstInvocation(() => sweepOf(process.env))
