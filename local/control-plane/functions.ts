/** Runs the Lambdas on this machine: by name, with a context, within their time limit. */
import { randomUUID } from 'node:crypto'
import type { Context } from 'aws-lambda'
import { FUNCTIONS, type FunctionName } from '../../lambdas/functions.ts'
import { LOCAL_REGION } from '../database.ts'

export const LOCAL_ACCOUNT = '000000000000'

/** The name of a local function, as a stack would name it. */
export function localFunctionName(name: FunctionName): string {
  return `mooring-${name}`
}

/** A handler trusts its event: only the caller knows the type. */
export type LocalHandler = (event: never, context: Context) => Promise<unknown>
export type LocalFunctions = { readonly [F in FunctionName]?: LocalHandler }

export class FunctionTimedOut extends Error {
  override readonly name = 'Sandbox.Timedout'
}

/** Runs the function once, on a copy of the event, as Lambda would receive it over the wire.
 *  @throws FunctionTimedOut after its time limit; the work of the handler goes on, and its result is lost */
export async function invoke(
  functions: LocalFunctions,
  name: FunctionName,
  event: unknown,
): Promise<unknown> {
  const handler = functions[name]
  if (!handler) throw new Error(`the function ${localFunctionName(name)} does not run here`)
  const timeLimitMs = FUNCTIONS[name].timeoutSeconds * 1000
  const context = createContext(name, timeLimitMs)
  const overdue = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    overdue.reject(new FunctionTimedOut(`Task timed out after ${timeLimitMs / 1000}.00 seconds`))
  }, timeLimitMs)
  try {
    const sent = JSON.parse(JSON.stringify(event)) as never
    return await Promise.race([handler(sent, context), overdue.promise])
  } finally {
    clearTimeout(timer)
  }
}

function createContext(name: FunctionName, timeLimitMs: number): Context {
  const begun = performance.now()
  const functionName = localFunctionName(name)
  const unsupported = () => {
    throw new Error('the callbacks of the context ended with Node 8')
  }
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName,
    functionVersion: '$LATEST',
    invokedFunctionArn: `arn:aws:lambda:${LOCAL_REGION}:${LOCAL_ACCOUNT}:function:${functionName}`,
    memoryLimitInMB: '512',
    awsRequestId: randomUUID(),
    logGroupName: `/aws/lambda/${functionName}`,
    logStreamName: 'local',
    getRemainingTimeInMillis: () => Math.max(0, Math.round(timeLimitMs - (performance.now() - begun))),
    done: unsupported,
    fail: unsupported,
    succeed: unsupported,
  }
}
