/** Lets spin search the model once, in its own folder. It ends a whole process group, so it needs Linux or
 *  macOS. */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Check } from './checks.ts'
import { traceOf } from './trace.ts'

const MODEL = fileURLToPath(new URL('../../docs/model/mooring.pml', import.meta.url))
/** No state is left out by partial order reduction: the judge looks at every state. */
const COMPILE = ['-O2', '-w', '-DSAFETY', '-DNOREDUCE']
const MUTANT_DEPTH_MAX = 20_000

export interface SearchLimits {
  readonly memoryMb: number
  /** The hash table has 2 ** this many slots, of 8 bytes. */
  readonly hashBits: number
}

export interface Outcome {
  /** `incomplete`: no violation, yet states were left out, or steps of the model never happened. */
  readonly result: 'holds' | 'found' | 'incomplete'
  readonly why?: string
  readonly states: number
  readonly memoryMb: number
  /** The place of the violation, in spin's words. */
  readonly violation?: string
}

/** Breadth first when a check must hold: there is no depth to run out of. Depth first when a violation must
 *  be found, because it finds sooner. */
export function search(check: Check, limits: SearchLimits, until: AbortSignal): Promise<Outcome> {
  return inFolder(until, async (run) => {
    const breadthFirst = check.expected === 'holds'
    await build(run, check, limits, breadthFirst)
    const depth = breadthFirst ? [] : [`-m${MUTANT_DEPTH_MAX}`]
    const { output } = await run('./pan', `-w${limits.hashBits}`, ...depth)
    return readOutcome(output)
  })
}

/** @returns the shortest way to a violation, in words; undefined when there is none */
export function explain(check: Check, limits: SearchLimits, until: AbortSignal): Promise<string | undefined> {
  return inFolder(until, async (run) => {
    await build(run, check, limits, true)
    const { output } = await run('./pan', `-w${limits.hashBits}`)
    if (readOutcome(output).result !== 'found') return undefined
    const replay = await run('spin', '-k', 'mooring.pml.trail', '-p', ...switches(check), MODEL)
    return traceOf(replay.output, await readFile(MODEL, 'utf8'))
  })
}

type Run = (command: string, ...args: readonly string[]) => Promise<Ended>

async function inFolder<Result>(until: AbortSignal, work: (run: Run) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'mooring-model-'))
  try {
    return await work((command, ...args) => execute(folder, command, args, until))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function build(
  run: Run,
  check: Check,
  { memoryMb }: SearchLimits,
  breadthFirst: boolean,
): Promise<void> {
  await succeed(run('spin', '-a', ...switches(check), MODEL))
  const how = [`-DMEMLIM=${memoryMb}`, ...(breadthFirst ? ['-DBFS'] : [])]
  await succeed(run('gcc', ...COMPILE, ...how, '-o', 'pan', 'pan.c'))
}

const switches = ({ defines }: Check) =>
  Object.entries(defines).map(([name, value]) => `-D${name}=${Number(value)}`)

/** Reads what spin's verifier prints. Exported for its test. */
export function readOutcome(output: string): Outcome {
  const number = (pattern: RegExp) => Number(pattern.exec(output)?.[1] ?? Number.NaN)
  const errors = number(/errors: (\d+)/)
  const facts = {
    states: number(/^\s*([\d.e+]+) states, stored/m),
    memoryMb: number(/^\s*([\d.]+)\s+total actual memory usage/m),
  }
  const violation = /^pan:\d+: (assertion violated .*)$/m.exec(output)?.[1]
  if (errors > 0 && violation) return { result: 'found', violation, ...facts }
  const why = whyIncomplete(output, errors)
  return why ? { result: 'incomplete', why, ...facts } : { result: 'holds', ...facts }
}

function whyIncomplete(output: string, errors: number): string | undefined {
  if (errors !== 0) return /^pan:\d+: (.*)$/m.exec(output)?.[1] ?? 'the verifier ended without a verdict'
  if (/bytes limit|out of memory/.test(output)) return 'the memory did not suffice'
  if (output.includes('max search depth too small')) return 'the search ran out of depth'
  if (output.includes('Search not completed')) return 'the search was not completed'
  const never = unreached(output)
  return never.length > 0 ? `never happens in the model: ${never.join('; ')}` : undefined
}

/** Steps that no state leads to. A model in which nothing happens holds as well. Processes never end, and the
 *  judge's assertions come after states that must not be. */
function unreached(output: string): string[] {
  return [...output.matchAll(/^unreached in (?:proctype|init|claim) (\w+)\n((?:\t.*\n?)+)/gm)]
    .filter(([, process]) => process !== 'judge')
    .flatMap(([, , steps]) => (steps ?? '').split('\n').map((step) => step.trim()))
    .filter((step) => step !== '' && !step.includes('"-end-"') && !step.startsWith('('))
}

interface Ended {
  readonly command: string
  readonly code: number | null
  readonly output: string
}

async function succeed(running: Promise<Ended>): Promise<void> {
  const { command, code, output } = await running
  if (code !== 0 || /syntax error|, Error: /.test(output))
    throw new Error(`${command} ended with ${code}:\n${output}`)
}

/** Runs a command as a process group, so that an abort also ends its children. */
function execute(folder: string, command: string, args: readonly string[], until: AbortSignal) {
  return new Promise<Ended>((resolve, reject) => {
    until.throwIfAborted()
    const child = spawn(command, args, { cwd: folder, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    const end = () => {
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL')
    }
    until.addEventListener('abort', end)
    const output: string[] = []
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => output.push(text))
    }
    child.on('error', (error: NodeJS.ErrnoException) => {
      until.removeEventListener('abort', end)
      const isMissing = error.code === 'ENOENT'
      reject(isMissing ? new Error(`${command} is not installed: apt-get install spin gcc`) : error)
    })
    child.on('close', (code) => {
      until.removeEventListener('abort', end)
      if (until.aborted) reject(until.reason)
      else resolve({ command, code, output: output.join('') })
    })
  })
}
