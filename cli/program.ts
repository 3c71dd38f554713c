/** The tree of commands with their help. Each command hands over to a file of its own. */
import { readFileSync } from 'node:fs'
import { Command, Option, type OutputConfiguration } from 'commander'
import { operationArgument, positiveNumber } from './arguments.ts'
import type { Act, GlobalOptions } from './command.ts'
import { addDeviceCommands } from './commands/device.ts'
import { addFleetCommands } from './commands/fleet.ts'
import { addImportCommands } from './commands/import.ts'
import { addServerCommands } from './commands/server.ts'
import { EXIT } from './failures.ts'
import { listOperations, showOperation } from './operations.ts'
import { waits } from './waits.ts'
import { watch } from './watch.ts'
import type { CliWorld } from './world.ts'

const DEFAULT_URL = 'http://127.0.0.1:3000'

const examples = (command: string) => `
Examples:
  $ export MOORING_API_KEY=...         as \`npm start\` printed it
  $ ${command} devices --status conflicted
  $ ${command} device register shop-1 --name "The shop"
  $ ${command} device pair shop-1         shows the QR to scan
  $ ${command} watch

Exit codes:
  ${EXIT.done}    done
  ${EXIT.refused}    refused by the API, or not done in time
  ${EXIT.wrongUsage}    wrong usage
  ${EXIT.unreachable}    the API cannot be reached
  ${EXIT.interrupted}  interrupted`

/** @param worldOf makes the world of a command from the options that all commands share
 *  @param command how a person starts it
 *  @param outputs where help and faults of usage are printed */
export function createProgram(
  worldOf: (options: GlobalOptions) => CliWorld,
  command: string,
  outputs: OutputConfiguration,
): Command {
  const act: Act = (run) => {
    return (...given) => {
      const self = given.at(-1) as Command
      return run(worldOf(self.optsWithGlobals<GlobalOptions>()), ...(given.slice(0, -1) as never))
    }
  }
  const program = new Command('mooring')
    .description(
      'Operate a fleet of WhatsApp devices: see how each device and server is and why, and change it.',
    )
    .version(version(), '--version', 'print the version')
    .helpOption('-h, --help', 'print help; every command has help of its own')
    .addOption(new Option('--url <url>', 'the URL of the API').env('MOORING_URL').default(DEFAULT_URL))
    .addOption(
      new Option('--key <key>', 'the API key; its variable keeps it out of lists of processes').env(
        'MOORING_API_KEY',
      ),
    )
    .option('--json', 'print the answer of the API as JSON')
    .addHelpText('after', examples(command))
    .configureHelp({ showGlobalOptions: true })
    .configureOutput(outputs)
    .exitOverride()
    .showHelpAfterError('(add --help to see how the command is used)')
  addDeviceCommands(program, act)
  addServerCommands(program, act)
  addFleetCommands(program, act)
  addImportCommands(program, act)
  program
    .command('operations')
    .description('list the operations under way: moves, drains, a rolling restart')
    .action(act((world) => listOperations(world)))
  waits(
    program
      .command('operation')
      .description('show the progress of an operation, or how it ended')
      .argument('<id>', 'as the command `operations` lists it', operationArgument),
  ).action(act(showOperation))
  program
    .command('watch')
    .description('show the fleet and its servers, again every 2 seconds until Ctrl-C')
    .option('--count <looks>', 'end after this many looks', positiveNumber)
    .action(act(watch))
  return program
}

function version(): string {
  const read: { version: string } = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  )
  return read.version
}
