/** The command as a person runs it: a child process, against the real handlers behind the local gateway. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dynamoDbStore } from '../../aws/dynamodb-store.ts'
import { systemClock } from '../../core/clock.ts'
import type { Store } from '../../core/store/store.ts'
import { keyRow } from '../../lambdas/api-keys.ts'
import { startControlPlane } from '../../local/control-plane/control-plane.ts'
import { LOCAL_TABLE_PREFIX, startDatabase } from '../../local/database.ts'

const ENTRY = join(import.meta.dirname, '../../cli/mooring.ts')
const COMMAND_MS_MAX = 60_000
const STORE_MS_MAX = 10_000
export const API_KEY = 'the-secret-key-of-the-test'

export interface Ran {
  /** The exit code, or the name of the signal that ended the command. */
  readonly exit: number | NodeJS.Signals | null
  readonly out: string
  readonly err: string
}

export interface Running {
  readonly child: ChildProcess
  /** The output so far. */
  out(): string
  readonly ended: Promise<Ran>
}

export interface RunOptions {
  readonly entry?: string
  readonly killAfterMs?: number
  /** The folder in which the command runs. */
  readonly cwd?: string
}

export function startMooring(
  args: readonly string[],
  variables: Readonly<Record<string, string>>,
  { entry = ENTRY, killAfterMs = COMMAND_MS_MAX, cwd }: RunOptions = {},
): Running {
  const child = spawn(process.execPath, [entry, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE, ...variables },
    timeout: killAfterMs,
    killSignal: 'SIGKILL',
    ...(cwd === undefined ? {} : { cwd }),
  })
  let out = ''
  let err = ''
  child.stdout.on('data', (text) => {
    out += text
  })
  child.stderr.on('data', (text) => {
    err += text
  })
  const ended = new Promise<Ran>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => resolve({ exit: code ?? signal, out, err }))
  })
  return { child, out: () => out, ended }
}

export interface TestControlPlane {
  readonly url: string
  readonly store: Store
  readonly clock: typeof systemClock
  /** Runs a command to its end, with the right URL and key. */
  mooring(...args: string[]): Promise<Ran>
  start(...args: string[]): Running
  close(): Promise<void>
}

/** The API on a database of its own, without a sweep and without servers. */
export async function startTestControlPlane(): Promise<TestControlPlane> {
  const directory = mkdtempSync(join(tmpdir(), 'mooring-cli-'))
  const undo: (() => Promise<void>)[] = [async () => rmSync(directory, { recursive: true })]
  const close = async () => {
    for (const step of undo.splice(0).reverse()) await step()
  }
  try {
    const database = await startDatabase()
    undo.push(() => database.close())
    const store = dynamoDbStore(database.client, LOCAL_TABLE_PREFIX, STORE_MS_MAX)
    await store.put('Keys', keyRow(API_KEY, 'admin', 'test', 1))
    const controlPlane = await startControlPlane({
      databaseEndpoint: database.endpoint,
      doorbellSecret: 'a secret of the fleet',
      logFile: join(directory, 'control-plane.log'),
      sweep: false,
    })
    undo.push(() => controlPlane.close())
    const url = controlPlane.apiUrl
    const start = (...args: string[]) => startMooring(args, { MOORING_URL: url, MOORING_API_KEY: API_KEY })
    const mooring = (...args: string[]) => start(...args).ended
    return { url, store, clock: systemClock, mooring, start, close }
  } catch (error) {
    await close()
    throw error
  }
}
