/** Shared by the entry files of the Lambdas: a handler is built at its first
 *  invocation, and telemetry is flushed. */
import type { MiddlewareObj } from '@middy/core'
import type { Context } from 'aws-lambda'
import type { FlushedTelemetry } from '../aws/powertools-telemetry.ts'

type Invoked<Event, Result> = (event: Event, context: Context) => Promise<Result>

/** Builds the handler when it is first invoked, so importing an entry file reads no
 *  environment and opens no client. */
export function atFirstInvocation<Event, Result>(
  create: () => Invoked<Event, Result>,
): Invoked<Event, Result> {
  let created: Invoked<Event, Result> | undefined
  return (event, context) => {
    created ??= create()
    return created(event, context)
  }
}

/** Writes metrics and churn counts before the Lambda freezes. A lost count harms nobody, so a failed flush is
 *  logged and the answer is not changed. */
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
