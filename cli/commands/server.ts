/** The commands about servers, and what their help says. */
import { type Command, Option } from 'commander'
import type { ServerAnswer } from '../../lambdas/api/routes/servers.ts'
import { idArgument, positiveNumber } from '../arguments.ts'
import type { Act } from '../command.ts'
import { drainServer, evictServer } from '../empty-server.ts'
import { listServers, showServer } from '../servers.ts'
import { waits } from '../waits.ts'

const STATES: readonly ServerAnswer['state'][] = ['joining', 'active', 'draining', 'dead', 'stopped']

export function addServerCommands(program: Command, act: Act): void {
  program
    .command('servers')
    .description('list servers: their state, their load, and how long ago each beat')
    .addOption(new Option('--state <state>', 'only servers in this state').choices(STATES))
    .option('--all', 'also those that are gone')
    .action(act(listServers))
  const server = program.command('server').description('show one server, drain it, or evict what it left')
  server
    .command('show')
    .description('show a server')
    .argument('<server>', 'its name or its id', idArgument)
    .action(act(showServer))
  addDrain(server, act)
  server
    .command('evict')
    .description('take all devices from a server that is gone; refused while it beats. Asks first')
    .argument('<server>', 'its name or its id', idArgument)
    .option('--stop-task', 'stop the task of a server that is alive; its end moves the devices')
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nNobody needs it while the sweep runs: it does the same by itself.')
    .action(act(evictServer))
}

function addDrain(server: Command, act: Act): void {
  waits(
    server
      .command('drain')
      .description('move all devices of a server elsewhere, a few at a time; then it leaves the fleet')
      .argument('<server>', 'its name or its id', idArgument)
      .option('--dry-run', 'only tell what would move where, and for how long without a socket')
      .option('--at-once <devices>', 'devices under way at the same time, at most', positiveNumber)
      .option('--to <server>', 'the server that shall get them, as far as it has room', idArgument)
      .option('--stay', 'the empty server stays in the fleet, without new devices')
      .option('--partly', 'also when the others have too little room: the rest waits')
      .addOption(
        new Option('--cancel', 'call the drain off: the server takes devices again').conflicts([
          'dryRun',
          'atOnce',
          'to',
          'stay',
          'partly',
          'wait',
        ]),
      ),
  ).action(act(drainServer))
}
