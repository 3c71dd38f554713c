/** The commands of the rehearsal. A command that fails throws its output. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
export const HERE = fileURLToPath(new URL('.', import.meta.url))
const VENV = join(ROOT, '.venv/rehearsal')
const START_SECONDS_MAX = 60

export type Variables = Readonly<Record<string, string>>

/** @returns what the command printed @throws Error with what it printed when it fails */
export function run(command: string, args: readonly string[], variables: Variables = {}): string {
  const environment = { ...process.env, ...variables }
  try {
    return execFileSync(command, args, { cwd: ROOT, env: environment, encoding: 'utf8', stdio: 'pipe' })
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}${stderr}`)
  }
}

/** Whether this machine can run a command. */
export function works(command: string, args: readonly string[]): boolean {
  try {
    run(command, args)
    return true
  } catch {
    return false
  }
}

/** Installs the Python programs of the rehearsal if they are missing.
 *  @returns their folder; undefined where there is no Python */
export function pythonPrograms(): string | undefined {
  const bin = join(VENV, 'bin')
  if (existsSync(join(bin, 'moto_server')) && existsSync(join(bin, 'cfn-lint'))) return bin
  if (!works('python3', ['-c', 'import venv, ensurepip'])) return undefined
  run('python3', ['-m', 'venv', VENV])
  run(join(bin, 'pip'), ['install', '--quiet', '--requirement', join(HERE, 'requirements.txt')])
  return bin
}

/** Starts moto's server on the port, with its log in `logFile`. */
export async function startMoto(
  bin: string,
  port: number,
  logFile: string,
  variables: Variables,
): Promise<ChildProcess> {
  const log = openSync(logFile, 'w')
  const args = [join(HERE, 'moto_with_node.py'), '-H', '127.0.0.1', '-p', String(port)]
  const env = { ...process.env, ...variables, MOTO_PORT: String(port) }
  const moto = spawn(join(bin, 'python'), args, { stdio: ['ignore', log, log], env })
  for (let second = 0; second < START_SECONDS_MAX && moto.exitCode === null; second++) {
    const answers = await fetch(`http://localhost:${port}/moto-api/`).then(
      () => true,
      () => false,
    )
    if (answers) return moto
    await new Promise((resolve) => setTimeout(resolve, 1000))
  }
  moto.kill()
  throw new Error(`moto did not start; see ${logFile}`)
}
