/** The commands about the whole fleet, and what their help says. */
import { type Command, Option } from 'commander'
import type { Act } from '../command.ts'
import { holdRebalancing, restartFleet, showFleet } from '../fleet.ts'
import { waits } from '../waits.ts'

export function addFleetCommands(program: Command, act: Act): void {
  const fleet = program
    .command('fleet')
    .description('show the whole fleet, restart it, or hold its rebalancing')
  fleet
    .command('show', { isDefault: true })
    .description('how devices are spread, what moved lately, and what should not be')
    .action(act((world) => showFleet(world)))
  waits(
    fleet
      .command('restart')
      .description('replace every server by a new one, one after another, each drained first')
      .addOption(
        new Option(
          '--stop',
          'stop the restart: the server under way is finished, no other is begun',
        ).conflicts('wait'),
      ),
  ).action(act(restartFleet))
  fleet
    .command('pause')
    .description('move no devices to even the servers out, until it is resumed')
    .action(act((world) => holdRebalancing(world, true)))
  fleet
    .command('resume')
    .description('even the servers out again')
    .action(act((world) => holdRebalancing(world, false)))
}
