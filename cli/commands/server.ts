/** The commands about servers, and their help. */
import { type Command, Option } from 'commander'
import type { ServerAnswer } from '../../lambdas/api/routes/servers.ts'
import { idArgument, positiveNumber } from '../arguments.ts'
import type { Act } from '../command.ts'
import { drainServer } from '../drain.ts'
import { evictServer } from '../evict.ts'
import { listServers, showServer } from '../servers.ts'
import { waits } from '../waits.ts'

const STATES: readonly ServerAnswer['state'][] = ['joining', 'active', 'draining', 'dead', 'stopped']

export function addServerCommands(program: Command, act: Act): void {
  program
    .command('servers')
    .description('list servers: the state, the load and the last beat of each')
    .addOption(new Option('--state <state>', 'only servers in this state').choices(STATES))
    .option('--all', 'list servers that are gone as well')
    .action(act(listServers))
  const server = program.command('server').description('show, drain or evict one server')
  server
    .command('show')
    .description('show a server')
    .argument('<server>', 'name or id of the server', idArgument)
    .action(act(showServer))
  addDrain(server, act)
  server
    .command('evict')
    .description('take all devices from a server that is gone; refused while it beats; asks first')
    .argument('<server>', 'name or id of the server', idArgument)
    .option('--stop-task', 'stop the task of a server that is alive; its devices move when it has ended')
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nThe sweep does this by itself. Evict by hand only while no sweep runs.')
    .action(act(evictServer))
}

function addDrain(server: Command, act: Act): void {
  waits(
    server
      .command('drain')
      .description('move all devices of a server to others, a few at a time; then it leaves the fleet')
      .argument('<server>', 'name or id of the server', idArgument)
      .option('--dry-run', 'only show which devices would move where, and how long each lacks a socket')
      .option('--at-once <devices>', 'move at most this many devices at the same time', positiveNumber)
      .option('--to <server>', 'move them to this server, as far as it has room', idArgument)
      .option('--stay', 'keep the empty server in the fleet, without new devices')
      .option('--partly', 'drain even if the other servers lack room; the rest of the devices wait')
      .addOption(
        new Option('--cancel', 'cancel the drain: the server takes devices again').conflicts([
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
