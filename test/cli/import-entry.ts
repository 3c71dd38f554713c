/** The import and export commands as a program of their own. */
import { Command } from 'commander'
import type { Api } from '../../cli/api.ts'
import { EXIT, Failure } from '../../cli/failures.ts'
import { addImportCommands } from '../../cli/import-commands.ts'
import { openTerminal } from '../../cli/terminal.ts'
import { systemClock } from '../../core/clock.ts'

const stop = new AbortController()
process.on('SIGINT', () => stop.abort())
const terminal = openTerminal(process.stdout, process.stdin)
const program = new Command('mooring').option('--json').exitOverride()
addImportCommands(program, (command) => (...given) => {
  const json = (given.at(-1) as Command).optsWithGlobals<{ json?: true }>().json === true
  const world = { api: {} as Api, terminal, clock: systemClock, stop: stop.signal, json }
  return command(world, ...(given.slice(0, -1) as never))
})
try {
  await program.parseAsync()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`)
  process.exitCode = error instanceof Failure ? error.exitCode : EXIT.wrongUsage
}
