/** A fleet as the chaos sees it, with Mooring or without: what can be done to it, and where to look. */
import type { Simulator } from '../../local/whatsapp/simulator.ts'
import type { DatabaseWatch } from './database-watch.ts'
import type { ProcessEnd } from './record.ts'
import type { SocketWatch } from './socket-watch.ts'

export interface ServerProcess {
  readonly pid: number
  readonly exited: Promise<ProcessEnd>
  hasExited(): boolean
  signal(signal: NodeJS.Signals): void
}

/** What lies between a server and the others. */
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

/** The credentials of a device beside what WhatsApp keeps of it. */
export interface Compared {
  readonly deviceId: string
  /** What differs, in words; empty when nothing does. */
  readonly differences: readonly string[]
}

export interface ChaosFleet {
  readonly name: 'mooring' | 'naive'
  readonly simulator: Simulator
  readonly databaseEndpoint: string
  readonly watch: DatabaseWatch
  /** Absent where nobody asks why a socket ended. */
  readonly sockets?: SocketWatch
  /** Servers take over from one that was silent for longer than this, a beat on the way left out. */
  readonly leaseMsMin: number
  ownerAt(account: string, atMs: number): string | undefined
  /** The name of the server that a socket's label or an owner names. */
  nameOf(server: string): string
  startProcess(name: string, network: Network): Promise<ServerProcess>
  /** Whether that process takes part in the fleet. */
  hasJoined(name: string, process: ServerProcess): Promise<boolean>
  /** Links so many devices by phones; resolves when all are connected. */
  link(count: number, tell: (linked: number) => void): Promise<void>
  /** Devices that are linked and not being removed. */
  linked(): readonly LinkedDevice[]
  /** Absent where the fleet has no sweep. */
  readonly sweeps?: (on: boolean) => void
  /** Absent where devices come and go only while the fleet stands still. */
  readonly churn?: Churn
  /** Has a device that waits for long connect at once. Absent where none waits. */
  readonly start?: (deviceId: string) => Promise<void>
  /** Devices that are kept from connecting, since they are held to end servers. Absent where there is no such thing. */
  readonly quarantined?: () => Promise<string[]>
  /** The devices that should have a socket and have none. */
  notConnected(): Promise<Missing[]>
  compareAuth(): Promise<Compared[]>
  /** What kinds of keys stand in the logs. Absent where nobody keeps them out. */
  readonly keysInLogs?: () => Promise<string[]>
}

export interface Churn {
  /** Registers a device and lets a phone link it, however long that takes. */
  register(): Promise<void>
  remove(deviceId: string): Promise<void>
}
