/** Starts and ends the control plane as a child process, for the local fleet and the tests. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, readFileSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../../core/clock.ts'
import { LOCAL_CREDENTIALS, LOCAL_REGION, LOCAL_TABLE_PREFIX } from '../database.ts'
import { Fault } from '../faults.ts'
import { openLog } from '../log-file.ts'
import { localFunctionName } from './functions.ts'
import type { FromControlPlane, ToControlPlane } from './messages.ts'

const ENTRY = fileURLToPath(new URL('./main.ts', import.meta.url))
const READY_MS_MAX = 20_000
/** A process that has not ended within this time is killed. */
const CLOSE_MS_MAX = 6000
const TAIL_CHARACTERS_MAX = 4000

export interface ControlPlaneOptions {
  readonly databaseEndpoint: string
  readonly doorbellSecret: string
  /** Gets all output of the process: log and metrics. */
  readonly logFile: string
  readonly tablePrefix?: string
  /** Port of the API; by default any free port. */
  readonly port?: number
  /** Whether the sweep runs. Without it servers are buried only when their tasks end. */
  readonly sweep?: boolean
  /** Further variables of lambdas/environment.ts, for example the times of the protocol. */
  readonly variables?: Readonly<Record<string, string>>
}

export interface ControlPlane {
  readonly apiUrl: string
  /** The value of AWS_ENDPOINT_URL_LAMBDA for servers of this fleet. */
  readonly lambdaEndpoint: string
  readonly functions: { readonly assign: string; readonly doorbell: string }
  readonly pid: number
  /** Resolves when the process has ended, for any reason. */
  readonly ended: Promise<void>
  /** Tells the control plane, as ECS does, that a task has stopped. Without an exit code its machine was
   *  lost. Resolves when the function has ended, or the process. */
  taskStopped(taskArn: string, exitCode?: number): Promise<void>
  /** Stops the sweep at once, or starts it again. */
  sweeps(on: boolean): void
  close(): Promise<void>
}

/** @throws Error with the end of the log when the process does not start */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const logBegins = existsSync(options.logFile) ? statSync(options.logFile).size : 0
  const child = spawnChild(options)
  const exited = new Promise<void>((resolve) => {
    child.once('error', () => resolve())
    child.once('close', () => resolve())
  })
  const { apiPort, lambdaEndpoint } = await ready(child, exited, () => saidSince(options.logFile, logBegins))
  const { pid } = child
  if (pid === undefined) throw new Error('the control plane is ready but has no process')
  return {
    apiUrl: `http://127.0.0.1:${apiPort}`,
    lambdaEndpoint,
    functions: { assign: localFunctionName('assign'), doorbell: localFunctionName('doorbell') },
    pid,
    ended: exited,
    taskStopped: taskStoppedTeller(child, exited),
    sweeps: (on) => send(child, { type: 'sweeps', on }),
    close: () => end(child, exited),
  }
}

function spawnChild(options: ControlPlaneOptions): ChildProcess {
  const log = openLog(options.logFile, 'control plane', systemClock)
  try {
    return spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ENTRY], {
      // The terminal's signals go to the parent alone, which ends its children in order.
      detached: true,
      stdio: ['ignore', log, log, 'ipc'],
      env: {
        PATH: process.env.PATH,
        AWS_REGION: LOCAL_REGION,
        AWS_ACCESS_KEY_ID: LOCAL_CREDENTIALS.accessKeyId,
        AWS_SECRET_ACCESS_KEY: LOCAL_CREDENTIALS.secretAccessKey,
        AWS_ENDPOINT_URL_DYNAMODB: options.databaseEndpoint,
        TABLE_PREFIX: options.tablePrefix ?? LOCAL_TABLE_PREFIX,
        DOORBELL_SECRET: options.doorbellSecret,
        CURSOR_SECRET: randomBytes(32).toString('hex'),
        PORT: String(options.port ?? 0),
        SWEEP: options.sweep === false ? 'off' : 'on',
        ...options.variables,
      },
    })
  } finally {
    closeSync(log)
  }
}

type Ready = Extract<FromControlPlane, { type: 'ready' }>

async function ready(child: ChildProcess, exited: Promise<void>, lastWords: () => string): Promise<Ready> {
  const late = Promise.withResolvers<'late'>()
  const timer = setTimeout(() => late.resolve('late'), READY_MS_MAX)
  const said = new Promise<Ready>((resolve) => {
    child.on('message', (message: FromControlPlane) => {
      if (message.type === 'ready') resolve(message)
    })
  })
  const first = await Promise.race([said, late.promise, exited.then(() => 'exited' as const)])
  clearTimeout(timer)
  if (typeof first === 'object') return first
  child.kill('SIGKILL')
  const what = first === 'late' ? `was not ready within ${READY_MS_MAX} ms` : 'did not start'
  throw new Fault('NOT_STARTED', `the control plane ${what}: ${lastWords()}`)
}

/** The lines of this run that are not JSON, and so no log lines: they say why the process ended. */
function saidSince(logFile: string, logBegins: number): string {
  const lines = readFileSync(logFile).subarray(logBegins).toString('utf8').split('\n')
  const words = lines.filter((line) => line !== '' && !line.startsWith('{')).join('\n')
  return words.slice(-TAIL_CHARACTERS_MAX) || `it said nothing; see ${logFile}`
}

function taskStoppedTeller(child: ChildProcess, exited: Promise<void>): ControlPlane['taskStopped'] {
  const untold = new Map<number, () => void>()
  let count = 0
  child.on('message', (message: FromControlPlane) => {
    if (message.type === 'task-stopped-told') untold.get(message.told)?.()
  })
  return async (taskArn, exitCode) => {
    if (!child.connected) return
    const told = ++count
    const heard = new Promise<void>((resolve) => untold.set(told, resolve))
    send(child, { type: 'task-stopped', taskArn, told, ...(exitCode === undefined ? {} : { exitCode }) })
    await Promise.race([heard, exited])
    untold.delete(told)
  }
}

async function end(child: ChildProcess, exited: Promise<void>): Promise<void> {
  send(child, { type: 'close' })
  const killing = setTimeout(() => child.kill('SIGKILL'), CLOSE_MS_MAX)
  await exited
  clearTimeout(killing)
}

/** A process that is gone gets no message, and its end is handled elsewhere. */
function send(child: ChildProcess, message: ToControlPlane): void {
  if (child.connected) child.send(message, () => undefined)
}
