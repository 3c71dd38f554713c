/** What every Lambda's file does around its handler. */
import type { MiddlewareObj } from '@middy/core'
import type { Context } from 'aws-lambda'
import type { FlushedTelemetry } from '../aws/powertools-telemetry.ts'

type Invoked<Event, Result> = (event: Event, context: Context) => Promise<Result>

/** The world is built when it is first needed: importing an entry file reads no environment and opens no client. */
export function atFirstInvocation<Event, Result>(
  create: () => Invoked<Event, Result>,
): Invoked<Event, Result> {
  let created: Invoked<Event, Result> | undefined
  return (event, context) => {
    created ??= create()
    return created(event, context)
  }
}

/** Writes metrics and churn counts before the Lambda freezes. Counts that cannot be written harm nobody, so a failure is
 *  reported and the answer stands. */
export function flushTelemetry(world: { telemetry: FlushedTelemetry }): MiddlewareObj {
  const flush = () => flushOnce(world)
  return { after: flush, onError: flush }
}

export async function flushOnce({ telemetry }: { telemetry: FlushedTelemetry }): Promise<void> {
  try {
    await telemetry.flush()
  } catch (error) {
    telemetry.emit('telemetry.unflushed', { error })
  }
}
