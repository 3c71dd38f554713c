/** The world of the control plane: a Lambda's file, a test or a simulation hands it in. */

import type { Clock } from './clock.ts'
import type { Random } from './random.ts'
import type { ServiceControl } from './service.ts'
import type { ProtocolSettings, RebalanceSettings } from './settings.ts'
import type { ServerRow } from './store/server-row.ts'
import type { Store } from './store/store.ts'
import type { Telemetry } from './telemetry.ts'

/** Tells servers to look now. It carries no truth and may be lost: a lost ring costs a beat or two, never
 *  a device. */
export interface Doorbell {
  ring(servers: readonly Pick<ServerRow, 'serverId' | 'url'>[]): Promise<void>
}

/** Stops the task of a server that was buried, or that an operator gives up. The protocol does not need
 *  it. */
export interface TaskControl {
  /** @returns whether the stop was accepted. It never throws */
  stopTask(taskArn: string, why: string): Promise<boolean>
}

export interface World {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly telemetry: Telemetry
  readonly doorbell: Doorbell
  readonly tasks: TaskControl
  /** The service that runs the servers, in the one Lambda that may scale and restart it. */
  readonly service?: ServiceControl
  readonly settings: ProtocolSettings
  /** Connects per second of all servers together, for the sweep. See core/balance/share-connects.ts. */
  readonly fleetConnectsPerSecond?: number
  /** How the sweep evens the servers out. REBALANCE_DEFAULTS when left out. */
  readonly rebalancing?: RebalanceSettings
}
