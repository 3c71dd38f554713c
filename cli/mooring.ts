/**
 * `mooring`: the command line, which asks everything of the API; only import and export use the tables
 * directly. People and scripts run it. It must never print the API key, wait for ever, or leave the terminal
 * without a cursor.
 */
import { CommanderError } from 'commander'
import { systemClock } from '../core/clock.ts'
import { connectApi } from './api.ts'
import type { GlobalOptions } from './command.ts'
import { EXIT, Failure, Refused, WrongUsage } from './failures.ts'
import { invocationOf } from './invocation.ts'
import { nearMiss } from './near-misses.ts'
import { createProgram } from './program.ts'
import { openTerminal } from './terminal.ts'
import type { CliWorld } from './world.ts'

const command = invocationOf(process.env)
const HINTS: Readonly<Record<string, string>> = {
  API_KEY_MISSING: 'Give the key in MOORING_API_KEY or with --key.',
  DEVICE_NOT_FOUND: `\`${command} devices\` lists the devices; \`${command} device register\` adds one.`,
  SERVER_NOT_FOUND: `\`${command} servers --all\` lists the servers.`,
  OPERATION_NOT_FOUND: `\`${command} operations\` lists the operations under way.`,
  NO_ROOM_TO_DRAIN: 'At the command line this is --partly.',
  SERVER_STILL_BEATING: 'At the command line stopTask is --stop-task.',
  NOT_RESTARTING: `At the command line this is \`${command} fleet restart\`.`,
  API_KEY_UNKNOWN: 'Check MOORING_API_KEY or --key, and that --url is the fleet of this key.',
}

const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort())
const terminal = openTerminal({ out: process.stdout, errors: process.stderr, input: process.stdin })
// The terminal gets its cursor back however the process ends.
process.on('exit', () => terminal.settle())
// The reader of the output is gone, as with `| head`.
process.stdout.on('error', () => process.exit(EXIT.done))

function worldOf({ url, key, json }: GlobalOptions): CliWorld {
  const api = connectApi({ url: readUrl(url), key: readKey(key), clock: systemClock, stop: stop.signal })
  return { api, terminal, clock: systemClock, stop: stop.signal, json: json === true, command }
}

function readUrl(text: string): string {
  const url = URL.parse(text)
  if (url && /^https?:$/.test(url.protocol)) return (url.origin + url.pathname).replace(/\/+$/, '')
  throw new WrongUsage(
    `--url or MOORING_URL must be a URL such as http://127.0.0.1:3000, not ${JSON.stringify(text)}.`,
  )
}

function readKey(text: string | undefined): string | undefined {
  const key = text?.trim()
  if (!key || /^[\x21-\x7e]+$/.test(key)) return key
  throw new WrongUsage('--key or MOORING_API_KEY has characters in it that no API key has.')
}

async function main(): Promise<number> {
  const program = createProgram(worldOf, command, {
    writeOut: terminal.printText,
    writeErr: terminal.complain,
  })
  try {
    await program.parseAsync()
    return EXIT.done
  } catch (error) {
    const meant = error instanceof CommanderError && nearMiss(program, process.argv.slice(2), error, command)
    return meant ? say(meant, EXIT.wrongUsage) : giveUp(error)
  }
}

function giveUp(error: unknown): number {
  terminal.settle()
  // Commander has printed the fault, or the help.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.wrongUsage
  if (!(error instanceof Failure)) return say(stackOf(error), EXIT.refused)
  if (error.exitCode === EXIT.interrupted) return error.exitCode
  const hint = error instanceof Refused ? HINTS[error.code] : undefined
  return say(hint ? `${error.message}. ${hint}` : error.message, error.exitCode)
}

/** An unforeseen error may quote a text from outside, so it is printed as every other text. */
function stackOf(error: unknown): string {
  return error instanceof Error && error.stack !== undefined ? error.stack : String(error)
}

function say(message: string, exitCode: number): number {
  terminal.complain(message)
  return exitCode
}

process.exitCode = await main()
