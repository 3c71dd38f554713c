/** The parts of one run: servers, Lambdas, operators, and the faults that wait for them. */
import { scheduleFaults } from './faults.ts'
import { createFleet, type Fleet } from './fleet.ts'
import { createLambdas, type Lambdas } from './lambdas.ts'
import { createOperators, type Operators } from './operators.ts'
import type { Stage } from './stage.ts'

export interface Cast {
  readonly fleet: Fleet
  readonly lambdas: Lambdas
  readonly operators: Operators
}

/** The servers start over a few seconds, while the operators register the devices. */
const COME_UP_MS = 4000

/** All parts are in place, and nothing has happened yet. */
export function assemble(stage: Stage): Cast {
  const { scenario, scheduler, chance } = stage
  const fleet: Fleet = createFleet(stage, () => lambdas)
  const lambdas: Lambdas = createLambdas(stage, fleet.ring)
  const operators = createOperators(lambdas, fleet)
  for (let nth = 0; nth < scenario.servers; nth++) {
    scheduler.at(chance.between(0, COME_UP_MS), () => fleet.start(nth))
  }
  for (let nth = 0; nth < scenario.devices; nth++) {
    scheduler.at(chance.between(0, COME_UP_MS), () => operators.register(nth))
  }
  lambdas.schedule()
  for (const request of scenario.operatorRequests) {
    const device = request.device % scenario.devices
    scheduler.at(request.atMs, () =>
      operators.ask({ ...request, device, server: request.server % scenario.servers }),
    )
  }
  scheduleFaults(stage, fleet, lambdas)
  return { fleet, lambdas, operators }
}
