/** A server's row, and the rows that keep its name and its URL its own. */
import type { DeviceId, ServerId } from '../ids.ts'

/** `joining` until it holds its name and URL; `dead` (buried) and `stopped` (left) are final. */
export type ServerState = 'joining' | 'active' | 'draining' | 'dead' | 'stopped'

export interface ServerRow {
  readonly serverId: ServerId
  readonly name: string
  readonly url: string
  readonly state: ServerState
  readonly beat: number
  readonly capacity: number
  /** Devices reserved or owned; converges to the number owned. */
  readonly load: number
  /** Raised whenever the owner has something to notice. */
  readonly assignmentSeq: number
  readonly connected: number
  readonly beatAt: number
  readonly joinedAt: number
  /** Seconds since 1970; see tables.ts. */
  readonly expiresAt: number
  /** The ECS task that runs this server, when there is one. */
  readonly taskArn?: string
  readonly stateReason?: string
  /** Its process ended by an error, or by what the machine does to a process that went wrong, and nobody asked it to. */
  readonly crashed?: boolean
  /** The devices that it was at work for when it crashed; absent when it could not tell, or there were too many. */
  readonly suspects?: readonly DeviceId[]
  /** A draining server leaves the fleet as soon as it holds no device. */
  readonly thenLeave?: boolean
  /** The server itself is on its way out, by a signal: nothing can call that off. */
  readonly leaving?: boolean
  /** Devices above the fleet's mean: so many may move when they lose their socket anyway; see core/balance/rebalance.ts. */
  readonly surplus?: number
  /** Connects that waited for their turn at the last beat. */
  readonly waiting?: number
  /** Connects per second that the sweep gives this server of what the fleet may do; see core/balance/fair-shares.ts. */
  readonly connectShare?: number
}

/** The claim of one server on a name or a URL. Its `serverId` is `name#...` or `url#...`, which no server can have.
 *  It never expires by itself: two servers could share a name. */
export interface HoldRow {
  readonly serverId: ServerId
  readonly heldBy: ServerId
}

/** The table holds both kinds; a row with a `state` is a server. */
export type ServerItem = Partial<Omit<ServerRow, 'serverId'>> &
  Partial<Omit<HoldRow, 'serverId'>> & { readonly serverId: ServerId }

export function asServer(item: ServerItem | undefined): ServerRow | undefined {
  return item?.state === undefined ? undefined : (item as ServerRow)
}

/** A server that can still act: it beats, or it has not yet been found silent. */
export function isLive(server: ServerRow): boolean {
  return server.state === 'joining' || server.state === 'active' || server.state === 'draining'
}
