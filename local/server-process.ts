/** A server of the local fleet: a child process that runs hosts/main.ts as Fargate would. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { closeSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../core/clock.ts'
import { LOCAL_CREDENTIALS, LOCAL_REGION } from './database.ts'
import { freePort } from './free-port.ts'
import { openLog } from './log-file.ts'

const HOST_ENTRY = fileURLToPath(new URL('../hosts/main.ts', import.meta.url))

export interface ServerProcessPlan {
  readonly name: string
  readonly databaseEndpoint: string
  readonly lambdaEndpoint: string
  readonly tablePrefix: string
  readonly assignFunction: string
  readonly doorbellSecret: string
  /** Holds the wrapping keys of the data keys. */
  readonly authKeyFile: string
  readonly logDir: string
  readonly capacity: number
  readonly connectsPerSecond: number
  readonly whatsAppUrl?: string
  readonly url?: string
  /** Further variables of hosts/environment.ts. */
  readonly variables?: Readonly<Record<string, string | undefined>>
}

export interface ServerExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** The last lines on stderr that are no log lines, for example why the process did not start. */
  readonly lastWords: string
}

export interface ServerProcess {
  readonly name: string
  readonly url: string
  readonly taskArn: string
  readonly pid: number
  readonly exited: Promise<ServerExit>
  hasExited(): boolean
  signal(signal: NodeJS.Signals): void
  /** Whether this machine has sent the signal, to stop the task for one. */
  wasSignalled(signal: NodeJS.Signals): boolean
}

/** Starts the process, which then joins the fleet by itself. Its log is `<logDir>/<name>.log`. */
export async function startServerProcess(plan: ServerProcessPlan): Promise<ServerProcess> {
  const port = plan.url ? Number(new URL(plan.url).port) : await freePort()
  const url = plan.url ?? `http://127.0.0.1:${port}`
  const taskArn = `arn:aws:ecs:${LOCAL_REGION}:000000000000:task/mooring/${randomUUID().replaceAll('-', '')}`
  const log = openLog(join(plan.logDir, `${plan.name}.log`), `server "${plan.name}"`, systemClock)
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', HOST_ENTRY], {
    // The terminal's signals go to the parent alone, which ends its children in order.
    detached: true,
    stdio: ['ignore', log, 'pipe', 'ipc'],
    env: {
      PATH: process.env.PATH,
      // For another WhatsApp server whose certificate the operator has issued.
      ...(process.env.NODE_EXTRA_CA_CERTS ? { NODE_EXTRA_CA_CERTS: process.env.NODE_EXTRA_CA_CERTS } : {}),
      AWS_REGION: LOCAL_REGION,
      AWS_ACCESS_KEY_ID: LOCAL_CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: LOCAL_CREDENTIALS.secretAccessKey,
      AWS_ENDPOINT_URL_DYNAMODB: plan.databaseEndpoint,
      AWS_ENDPOINT_URL_LAMBDA: plan.lambdaEndpoint,
      TABLE_PREFIX: plan.tablePrefix,
      ASSIGN_FUNCTION: plan.assignFunction,
      DOORBELL_SECRET: plan.doorbellSecret,
      AUTH_KEY_FILE: plan.authKeyFile,
      SERVER_NAME: plan.name,
      SERVER_URL: url,
      SERVER_PORT: String(port),
      SERVER_LISTEN: '127.0.0.1',
      SERVER_MAX_CAPACITY: String(plan.capacity),
      CONNECTS_PER_SECOND: String(plan.connectsPerSecond),
      TASK_ARN: taskArn,
      ...(plan.whatsAppUrl ? { WHATSAPP_URL: plan.whatsAppUrl, HISTORY_SYNC: 'off' } : {}),
      ...plan.variables,
    },
  })
  const exited = watchExit(child, log)
  const pid = child.pid
  if (pid === undefined)
    throw new Error(`the process of server "${plan.name}" did not start: ${(await exited).lastWords}`)
  const sent = new Set<NodeJS.Signals>()
  return {
    name: plan.name,
    url,
    taskArn,
    pid,
    exited,
    hasExited: () => child.exitCode !== null || child.signalCode !== null,
    signal(signal) {
      sent.add(signal)
      child.kill(signal)
    },
    wasSignalled: (signal) => sent.has(signal),
  }
}

/** Only the last characters on stderr are kept. */
const LAST_WORDS_CHARACTERS_MAX = 4000

/** A full disk takes no log line, and the server goes on. */
function note(log: number, text: string): void {
  try {
    writeSync(log, text)
  } catch {
    // The failure itself could not be logged either.
  }
}

/** Copies stderr to the log. Lines that are not JSON, and so no log lines, are kept as last words. */
function watchExit(child: ChildProcess, log: number): Promise<ServerExit> {
  let lastWords = ''
  const lines = child.stderr ? createInterface({ input: child.stderr }) : undefined
  lines?.on('line', (line) => {
    note(log, `${line}\n`)
    if (!line.startsWith('{')) lastWords = `${lastWords}${line}\n`.slice(-LAST_WORDS_CHARACTERS_MAX)
  })
  return new Promise((resolve) => {
    const end = (code: number | null, signal: NodeJS.Signals | null) => {
      closeSync(log)
      resolve({ code, signal, lastWords: lastWords.trim() })
    }
    child.once('error', (error) => {
      lastWords = error.message
      if (child.pid === undefined) end(null, null)
    })
    child.once('close', end)
  })
}
