/** What the control plane needs from outside, handed in at the top: by a Lambda's file, by a test, by a simulation. */
import type { Clock } from './clock.ts'
import type { Random } from './random.ts'
import type { ServerRow } from './server.ts'
import type { ProtocolSettings } from './settings.ts'
import type { Store } from './store.ts'
import type { Telemetry } from './telemetry.ts'

/** Says "look now" to servers. It carries no truth and may be lost: a lost ring costs a beat or two, never a device. */
export interface Doorbell {
  ring(servers: readonly Pick<ServerRow, 'serverId' | 'url'>[]): Promise<void>
}

/** Ends the task of a server that was buried; best effort, the protocol does not need it. */
export interface TaskControl {
  stopTask(taskArn: string, why: string): Promise<void>
}

export interface World {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly telemetry: Telemetry
  readonly doorbell: Doorbell
  readonly tasks: TaskControl
  readonly settings: ProtocolSettings
}
