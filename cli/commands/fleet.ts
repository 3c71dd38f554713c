/** The commands about the whole fleet, and their help. */
import { type Command, Option } from 'commander'
import type { Act } from '../command.ts'
import { pauseRebalancing, restartFleet, showFleet } from '../fleet.ts'
import { waits } from '../waits.ts'

export function addFleetCommands(program: Command, act: Act): void {
  const fleet = program
    .command('fleet')
    .description('show the whole fleet, restart it, or pause its rebalancing')
  fleet
    .command('show', { isDefault: true })
    .description('show how devices are spread over servers, recent moves, and problems')
    .action(act((world) => showFleet(world)))
  waits(
    fleet
      .command('restart')
      .description('replace every server, one after another; each is drained first')
      .addOption(
        new Option(
          '--stop',
          'stop the restart: the present server is still replaced, the others are not',
        ).conflicts('wait'),
      ),
  ).action(act(restartFleet))
  fleet
    .command('pause')
    .description('pause rebalancing: no device moves to even out the servers')
    .action(act((world) => pauseRebalancing(world, true)))
  fleet
    .command('resume')
    .description('resume rebalancing')
    .action(act((world) => pauseRebalancing(world, false)))
}
