/**
 * The process of the control plane: the Lambdas behind the gateway, the Lambda endpoint and the scheduler.
 * The local fleet starts it as a child process with all settings in the environment; its log goes to stdout.
 * It must never outlive its parent.
 */
import { z } from 'zod'
import { apiOf } from '../../lambdas/api.ts'
import { handler as assign } from '../../lambdas/assign.ts'
import { handler as authorizer } from '../../lambdas/authorizer.ts'
import { handler as doorbell } from '../../lambdas/doorbell.ts'
import type { FunctionName } from '../../lambdas/functions.ts'
import { sweepOf } from '../../lambdas/sweep.ts'
import { handler as taskStopped } from '../../lambdas/task-stopped.ts'
import { lambdaTelemetry } from '../../lambdas/telemetry.ts'
import { type LocalFunctions, localFunctionName } from './functions.ts'
import { startGateway } from './gateway.ts'
import { startLambdaEndpoint } from './lambda-endpoint.ts'
import type { FromControlPlane, ToControlPlane } from './messages.ts'
import { startScheduler } from './scheduler.ts'

/** After this time the process ends, and cuts off any work that is left. */
const CLOSE_MS_MAX = 3000

const Environment = z.object({
  PORT: z.coerce.number().int().min(0).max(65_535).default(0),
  SWEEP: z.enum(['on', 'off']).default('on'),
  /** Credentials of this run, with which requests to the Lambda endpoint are signed. */
  AWS_ACCESS_KEY_ID: z.string().min(1),
  AWS_SECRET_ACCESS_KEY: z.string().min(1),
})

async function main(): Promise<void> {
  // A full disk takes no log line, and the service goes on.
  process.stdout.on('error', () => undefined)
  const { PORT: port, SWEEP, ...aws } = Environment.parse(process.env)
  const credentials = { accessKeyId: aws.AWS_ACCESS_KEY_ID, secretAccessKey: aws.AWS_SECRET_ACCESS_KEY }
  const telemetry = lambdaTelemetry('api')
  const failed = (error: unknown) => telemetry.emit('request.failed', { error })
  const closing = new AbortController()
  let sweeping = new AbortController()

  const functions: { -readonly [F in keyof LocalFunctions]: LocalFunctions[F] } = {}
  const threw = (name: FunctionName, error: unknown) =>
    telemetry.emit('request.failed', { error, why: `the function ${localFunctionName(name)} threw` })
  const endpoint = await startLambdaEndpoint(functions, threw, { credentials })
  const lambdaEndpoint = `http://127.0.0.1:${endpoint.port}`
  // Set before any function runs, because the SDK reads it when the function's client is made.
  process.env.AWS_ENDPOINT_URL_LAMBDA = lambdaEndpoint
  process.env.DOORBELL_FUNCTION = localFunctionName('doorbell')
  Object.assign(functions, {
    ...lambdas(AbortSignal.any([closing.signal, sweeping.signal])),
    assign,
    authorizer,
    doorbell,
    'task-stopped': taskStopped,
  })

  const gateway = await startGateway(functions, port)
  const scheduler = startScheduler(functions, SWEEP === 'on', failed)

  async function close(): Promise<void> {
    if (closing.signal.aborted) return
    closing.abort()
    setTimeout(() => process.exit(0), CLOSE_MS_MAX)
    await Promise.all([gateway.close(), scheduler.close()])
    await endpoint.close()
    process.exit(0)
  }

  function sweeps(on: boolean): void {
    sweeping.abort()
    sweeping = new AbortController()
    if (on) functions.sweep = sweepOf(process.env, AbortSignal.any([closing.signal, sweeping.signal]))
    scheduler.sweeps(on)
  }

  async function hear(message: ToControlPlane): Promise<void> {
    if (message.type === 'close') return close()
    if (message.type === 'sweeps') return sweeps(message.on)
    await scheduler.taskStopped(message.taskArn, message.exitCode)
    tell({ type: 'task-stopped-told', told: message.told })
  }

  process.on('message', (message: ToControlPlane) => void hear(message).catch(failed))
  process.on('disconnect', () => void close())
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void close())
  tell({ type: 'ready', apiPort: gateway.port, lambdaEndpoint })
}

/** These two are built here, not at their first invocation: the sweep must end early when the fleet ends. */
function lambdas(closing: AbortSignal): LocalFunctions {
  return {
    api: apiOf(process.env),
    sweep: sweepOf(process.env, closing),
  }
}

function tell(message: FromControlPlane): void {
  if (process.connected) process.send?.(message)
}

main().catch((error: unknown) => {
  process.stderr.write(`${lastWords(error)}\n`)
  process.exit(1)
})

function lastWords(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if ('code' in error && error.code === 'EADDRINUSE' && 'port' in error) {
    return `port ${error.port} is taken; end the program that listens there, or choose another port with --port`
  }
  if ('code' in error && error.code === 'EACCES' && 'port' in error) {
    return `this user may not listen on port ${error.port}; choose a port above 1023 with --port`
  }
  return error.stack ?? error.message
}
