/**
 * Rings servers at their private addresses: a ring tells a server to look now.
 * The other Lambdas invoke it without waiting. It alone runs inside the VPC.
 * It must never need a permission, carry truth, or fail: after a lost ring the server looks some beats later.
 */
import middy from '@middy/core'
import * as z from 'zod'
import type { FlushedTelemetry } from '../aws/powertools-telemetry.ts'
import type { Clock } from '../core/clock.ts'
import { systemClock } from '../core/clock.ts'
import { hasIdForm, serverId } from '../core/ids.ts'
import { signatureHeaders } from '../core/request-signature.ts'
import { serverUrlFault } from '../core/server-url.ts'
import { readEnvironment } from './environment.ts'
import { atFirstInvocation, flushTelemetry } from './invocation.ts'
import { lambdaTelemetry } from './telemetry.ts'

const RING_MS_MAX = 1500
/** Long enough for `http://`, the longest address and a port. */
const URL_CHARACTERS_MAX = 100

const DoorbellEvent = z.object({
  servers: z.array(
    z.object({
      serverId: z.string().refine(hasIdForm, 'not a server id').transform(serverId),
      url: z.string().max(URL_CHARACTERS_MAX),
    }),
  ),
})
export type DoorbellEvent = z.input<typeof DoorbellEvent>
type RungServer = z.output<typeof DoorbellEvent>['servers'][number]

export interface DoorbellWorld {
  readonly clock: Clock
  readonly telemetry: FlushedTelemetry
  readonly secret: string
}

export function createDoorbellHandler(world: DoorbellWorld) {
  return middy(async (event: DoorbellEvent): Promise<void> => {
    const read = DoorbellEvent.safeParse(event)
    if (!read.success) {
      world.telemetry.emit('doorbell.unanswered', { why: 'the event names no servers', error: read.error })
      return
    }
    await Promise.all(read.data.servers.map((server) => ring(world, server)))
  }).use(flushTelemetry(world))
}

async function ring(world: DoorbellWorld, { serverId, url }: RungServer): Promise<void> {
  const fault = serverUrlFault(url)
  if (fault !== undefined) {
    world.telemetry.emit('doorbell.unanswered', { serverId, why: `its address ${fault}` })
    return
  }
  const body = JSON.stringify({ serverId })
  const signed = signatureHeaders(world.secret, body, world.clock.wallMs())
  try {
    const answer = await fetch(new URL('/doorbell', url), {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...signed },
      body,
      // A server never redirects, so an answer that does comes from something else.
      redirect: 'error',
      signal: AbortSignal.timeout(RING_MS_MAX),
    })
    await answer.body?.cancel()
    if (!answer.ok) world.telemetry.emit('doorbell.unanswered', { serverId, code: answer.status })
  } catch (error) {
    world.telemetry.emit('doorbell.unanswered', { serverId, error })
  }
}

export const handler = atFirstInvocation(() => {
  const { DOORBELL_SECRET: secret } = readEnvironment('doorbell', process.env)
  return createDoorbellHandler({ clock: systemClock, telemetry: lambdaTelemetry('doorbell'), secret })
})
