/** One server of the local fleet: a child process that runs hosts/main.ts as Fargate would. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { openSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { LOCAL_CREDENTIALS, LOCAL_REGION } from './database.ts'

const HOST_ENTRY = fileURLToPath(new URL('../hosts/main.ts', import.meta.url))

export interface ServerProcessPlan {
  readonly name: string
  readonly databaseEndpoint: string
  readonly lambdaEndpoint: string
  readonly tablePrefix: string
  readonly assignFunction: string
  readonly doorbellSecret: string
  readonly logDir: string
  readonly capacity: number
  readonly connectsPerSecond: number
  readonly whatsAppUrl?: string
  readonly url?: string
  /** Further variables of hosts/environment.ts. */
  readonly variables?: Readonly<Record<string, string>>
}

export interface ServerExit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** What the process said on stderr: why it did not start, for instance. */
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
}

/** Starts the process; it joins by itself. Its log goes to `<logDir>/<name>.log`. */
export async function startServerProcess(plan: ServerProcessPlan): Promise<ServerProcess> {
  const port = plan.url ? Number(new URL(plan.url).port) : await freePort()
  const url = plan.url ?? `http://127.0.0.1:${port}`
  const taskArn = `arn:aws:ecs:${LOCAL_REGION}:000000000000:task/mooring/${randomUUID().replaceAll('-', '')}`
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', HOST_ENTRY], {
    // Signals of the terminal go to the parent alone: it ends its children in order.
    detached: true,
    stdio: ['ignore', openSync(join(plan.logDir, `${plan.name}.log`), 'a'), 'pipe', 'ipc'],
    env: {
      PATH: process.env.PATH,
      AWS_REGION: LOCAL_REGION,
      AWS_ACCESS_KEY_ID: LOCAL_CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: LOCAL_CREDENTIALS.secretAccessKey,
      AWS_ENDPOINT_URL_DYNAMODB: plan.databaseEndpoint,
      AWS_ENDPOINT_URL_LAMBDA: plan.lambdaEndpoint,
      TABLE_PREFIX: plan.tablePrefix,
      ASSIGN_FUNCTION: plan.assignFunction,
      DOORBELL_SECRET: plan.doorbellSecret,
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
  const exited = watchExit(child)
  const pid = child.pid
  if (pid === undefined)
    throw new Error(`the process of server ${plan.name} did not start: ${(await exited).lastWords}`)
  return {
    name: plan.name,
    url,
    taskArn,
    pid,
    exited,
    hasExited: () => child.exitCode !== null || child.signalCode !== null,
    signal: (signal) => void child.kill(signal),
  }
}

/** Only the end of what is said is kept. */
const LAST_WORDS_CHARACTERS_MAX = 4000

function watchExit(child: ChildProcess): Promise<ServerExit> {
  let lastWords = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    lastWords = (lastWords + text).slice(-LAST_WORDS_CHARACTERS_MAX)
  })
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: null, signal: null, lastWords: error.message }))
    child.once('close', (code, signal) => resolve({ code, signal, lastWords: lastWords.trim() }))
  })
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      const port = typeof address === 'object' && address ? address.port : 0
      probe.close(() => resolve(port))
    })
  })
}
