/** `mooring fleet`: shows the fleet, restarts it, and pauses or resumes its rebalancing. */
import type { OperationAnswer } from '../lambdas/api/answers/operation.ts'
import type { FleetAnswer } from '../lambdas/api/routes/fleet.ts'
import type { RebalancingAnswer } from '../lambdas/api/routes/rebalancing.ts'
import { drawFleet, drawRebalancing } from './fleet-drawing.ts'
import { tellBegun, type WaitOptions } from './operations.ts'
import { type CliWorld, tell } from './world.ts'

export async function showFleet(world: CliWorld): Promise<void> {
  const { api, terminal } = world
  const fleet = await api.get<FleetAnswer>('/fleet')
  tell(world, fleet, () => drawFleet(fleet, terminal.columns()))
}

export async function restartFleet(world: CliWorld, options: WaitOptions & { stop?: true }): Promise<void> {
  const path = options.stop ? '/fleet/restart/stop' : '/fleet/restart'
  const operation = await world.api.post<OperationAnswer>(path, {})
  return tellBegun(world, operation, operation, options)
}

export async function pauseRebalancing(world: CliWorld, paused: boolean): Promise<void> {
  const answer = await world.api.post<RebalancingAnswer>('/fleet/rebalancing', { paused })
  tell(world, answer, () => [
    drawRebalancing(answer),
    ...(paused ? [`No device moves to even out the servers until \`${world.command} fleet resume\`.`] : []),
  ])
}
