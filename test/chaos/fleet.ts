/** A fleet as the chaos sees it, with Mooring or without: what the chaos can do to it, and where it can
 *  look. */
import type { Simulator } from '../../local/whatsapp/simulator.ts'
import type { DatabaseWatch } from './database-watch.ts'
import type { ProcessEnd } from './record.ts'
import type { SocketWatch } from './socket-watch.ts'

export interface ServerProcess {
  readonly pid: number
  readonly exited: Promise<ProcessEnd>
  hasExited(): boolean
  signal(signal: NodeJS.Signals): void
  /** Whether anybody on this machine has sent the signal; absent where that is not known. */
  wasSignalled?(signal: NodeJS.Signals): boolean
}

/** The addresses by which a server reaches the database and WhatsApp, each behind a proxy. */
export interface Network {
  readonly databaseEndpoint: string
  readonly whatsAppUrl: string
}

export interface LinkedDevice {
  readonly deviceId: string
  readonly jid: string
}

export interface Missing {
  readonly deviceId: string
  readonly why: string
}

/** The stored credentials of a device compared with those that WhatsApp keeps. */
export interface Compared {
  readonly deviceId: string
  /** The differences in words. */
  readonly differences: readonly string[]
}

export interface ChaosFleet {
  readonly name: 'mooring' | 'naive'
  readonly simulator: Simulator
  readonly databaseEndpoint: string
  readonly watch: DatabaseWatch
  /** Absent in the fleet without Mooring: nobody asks there why a socket ended. */
  readonly sockets?: SocketWatch
  /** Servers take over from a server that was silent for longer than this, without a beat that is on its
   *  way. */
  readonly leaseMsMin: number
  ownerAt(account: string, atMs: number): string | undefined
  /** The name of the server that a socket's label or an owner names. */
  nameOf(server: string): string
  startProcess(name: string, network: Network): Promise<ServerProcess>
  /** Whether that process takes part in the fleet. */
  hasJoined(name: string, process: ServerProcess): Promise<boolean>
  /** Links that many devices by phones. Resolves when all are connected. */
  link(count: number, tell: (linked: number) => void): Promise<void>
  /** Devices that are linked and not being removed. */
  linked(): readonly LinkedDevice[]
  /** Absent where the fleet has no sweep. */
  readonly sweeps?: (on: boolean) => void
  /** Absent where devices can only come and go while the fleet does not run. */
  readonly churn?: Churn
  /** Lets a device that waits a long time connect at once. Absent where no device waits. */
  readonly start?: (deviceId: string) => Promise<void>
  /** Devices that may not connect, because they are held to end servers. Absent where there is no
   *  quarantine. */
  readonly quarantined?: () => Promise<string[]>
  /** The devices that should have a socket and have none. */
  notConnected(): Promise<Missing[]>
  compareAuth(): Promise<Compared[]>
  /** The kinds of keys that are in the logs. Absent where nobody keeps them out. */
  readonly keysInLogs?: () => Promise<string[]>
}

export interface Churn {
  /** Registers a device and lets a phone link it. Linking may take any time. */
  register(): Promise<void>
  remove(deviceId: string): Promise<void>
}
