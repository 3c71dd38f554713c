/** A server's row, and the two rows by which it holds its name and its URL. */
import type { DeviceId, ServerId } from '../ids.ts'

/** The states of a server that may still beat: nobody has declared it dead, and it has not left. A server
 *  is `joining` until it holds its name and URL. */
export const LIVE_STATES = ['joining', 'active', 'draining'] as const

/** `dead` (buried) and `stopped` (left) are final. */
export type ServerState = (typeof LIVE_STATES)[number] | 'dead' | 'stopped'

export interface ServerRow {
  readonly serverId: ServerId
  readonly name: string
  readonly url: string
  readonly state: ServerState
  readonly beat: number
  readonly capacity: number
  /** Devices that the server owns, and those that room is reserved for. It converges to the number owned. */
  readonly load: number
  /** Raised whenever the server has something to notice. */
  readonly assignmentSeq: number
  readonly connected: number
  readonly beatAt: number
  readonly joinedAt: number
  /** Seconds since 1970; see tables.ts. */
  readonly expiresAt: number
  /** The ECS task that runs this server, when there is one. */
  readonly taskArn?: string
  readonly stateReason?: string
  /** Nobody asked its process to end: an error ended it, or the machine did because the process went
   *  wrong. */
  readonly crashed?: boolean
  /** The devices that it was at work for when it crashed. Absent when it could not tell, or when there
   *  were too many. */
  readonly suspects?: readonly DeviceId[]
  /** A draining server leaves the fleet as soon as it holds no device. */
  readonly thenLeave?: boolean
  /** The server has begun to leave. Nothing can call that off. */
  readonly leaving?: boolean
  /** Devices above the fleet's mean. This many may move when they lose their socket anyway: see
   *  core/balance/rebalance.ts. */
  readonly surplus?: number
  /** Connects that waited for their turn at the last beat. */
  readonly waiting?: number
  /** The server's share of the fleet's connects per second, as the sweep wrote it: see
   *  core/balance/fair-shares.ts. */
  readonly connectShare?: number
}

/** Holds a name or a URL for one server. Its `serverId` is `name#...` or `url#...`, which no server can
 *  have. It never expires by itself, since two servers could then share a name. */
export interface HoldRow {
  readonly serverId: ServerId
  readonly heldBy: ServerId
}

/** The table has both kinds of rows. A row with a `state` is a server's. */
export type ServerItem = Partial<Omit<ServerRow, 'serverId'>> &
  Partial<Omit<HoldRow, 'serverId'>> & { readonly serverId: ServerId }

export function asServer(item: ServerItem | undefined): ServerRow | undefined {
  return item?.state === undefined ? undefined : (item as ServerRow)
}

export function isLive({ state }: Pick<ServerRow, 'state'>): boolean {
  return LIVE_STATES.some((live) => live === state)
}
