/** The options of a local fleet: its size, its times, its WhatsApp, and callbacks for the ends of its
 *  parts. */
import type { ProtocolSettings, RebalanceSettings } from '../core/settings.ts'
import type { WhatsAppChoice } from './options.ts'
import type { ServerExit, ServerProcess } from './server-process.ts'
import type { SimulatorEvent } from './whatsapp/world.ts'

export interface FleetOptions {
  readonly servers: number
  /** Up to this many servers are started when none has room. Without it no server is added. */
  readonly maxServers?: number
  /** The cool-downs between additions of servers, and between drains of idle ones. By default as on AWS. */
  readonly scaleCoolDownSeconds?: { readonly out: number; readonly in: number }
  /** Port of the API; by default any free port. */
  readonly port?: number
  readonly logDir: string
  /** The folder that keeps the database and the simulated phones. Without it both are deleted at the end. */
  readonly dataDir?: string
  readonly apiKey?: string
  readonly capacity?: number
  /** Of each server; by default 20. */
  readonly connectsPerSecond?: number
  /** Of all servers together; by default 100. */
  readonly fleetConnectsPerSecond?: number
  /** How the sweep evens out the servers; by default as on AWS. */
  readonly rebalancing?: Partial<RebalanceSettings>
  readonly whatsApp?: WhatsAppChoice
  /** Version of the WhatsApp client that every server reports; by default the package's own. */
  readonly whatsAppVersion?: string
  /** Servers post received messages to the URL, and send messages whose request is signed with the secret.
   *  Without this they only count messages. */
  readonly messages?: { readonly url?: string; readonly secret: string }
  /** Hears each event of the simulated WhatsApp when it happens. */
  readonly onWhatsAppEvent?: (event: SimulatorEvent) => void
  readonly settings?: Partial<ProtocolSettings>
  /** Whether the control plane is told of the end of a process, as ECS does. */
  readonly tellTaskStopped?: boolean
  /** Whether a server that ended by itself is started again under its name, as ECS does. */
  readonly restart?: boolean
  /** Further variables of every server's process; see hosts/environment.ts. */
  readonly serverVariables?: Readonly<Record<string, string>>
  /** Called when the control plane has ended by itself: then nothing assigns devices or answers the API. */
  readonly onControlPlaneExit?: () => void
  readonly onServerExit?: (server: ServerProcess, exit: ServerExit) => void
}

export interface ServerOverrides {
  readonly url?: string
  readonly databaseEndpoint?: string
  readonly capacity?: number
  /** A variable that is undefined here is removed. */
  readonly variables?: Readonly<Record<string, string | undefined>>
}
