/** Divides the connects per second that the whole fleet may do among its servers. Pure:
 *  core/balance/share-connects.ts writes the shares that have changed, and each server reads its share in the
 *  answer to its next beat. */
import type { ServerRow } from '../store/server-row.ts'

/** The part of an even share that every server keeps, so that it can begin to connect at once. */
const GUARANTEED_PART = 0.2
/** A share is written again when it changes by more than this part of it. */
const CHANGE_MIN = 0.1

/** Max-min fair: every server gets what it wants, up to a level that is the same for all servers that want
 *  more. Capacity that no server wants is spread evenly, so that a fleet at rest has even shares.
 *  The sum is `perSecond`.
 *  @param wants connects per second that each server has a use for */
export function fairShares(perSecond: number, wants: readonly number[]): number[] {
  const guaranteed = guaranteedShare(perSecond, wants.length)
  const wantsMore = wants.map((want) => Math.max(0, want - guaranteed))
  const { got, left } = fill(perSecond - guaranteed * wants.length, wantsMore)
  return got.map((more) => guaranteed + more + left / wants.length)
}

function guaranteedShare(perSecond: number, servers: number): number {
  return (perSecond / servers) * GUARANTEED_PART
}

/** Water-filling, from the smallest want to the largest. Each server takes at most an even part of the amount
 *  that is left, which it shares with the servers that want more. */
function fill(amount: number, wants: readonly number[]): { got: number[]; left: number } {
  const got = wants.map(() => 0)
  const ascending = wants.map((want, at) => ({ want, at })).sort((one, other) => one.want - other.want)
  let left = amount
  for (const [taken, { want, at }] of ascending.entries()) {
    got[at] = Math.min(want, left / (ascending.length - taken))
    left = Math.max(0, left - (got[at] ?? 0))
  }
  return { got, left }
}

type Sharer = Pick<ServerRow, 'serverId' | 'waiting' | 'connectShare'>
export interface ShareChange<Server extends Sharer = Sharer> {
  readonly server: Server
  readonly share: number
}

/** The shares to write now. Raises use only capacity that is free in the rows just read, so the total never
 *  grows above `perSecond`. Capacity that a server gives up goes to another server at the next look.
 *  A change of 10 % or less is not written, except to make room for a server that lacks more than 10 %.
 *  @param live every server that can still act */
export function shareChanges<Server extends Sharer>(
  perSecond: number,
  live: readonly Server[],
): ShareChange<Server>[] {
  // Each connect that waits could be done in this second, so a server wants as many as wait there.
  const targets = fairShares(
    perSecond,
    live.map(({ waiting }) => waiting ?? 0),
  )
  const servers = live.map((server, at) => ({
    server,
    held: server.connectShare ?? 0,
    share: targets[at] ?? 0,
  }))
  const short = servers.filter(({ held, share }) => share > held * (1 + CHANGE_MIN))
  const missing = sum(short.map(({ held, share }) => share - held))
  const free = Math.max(0, perSecond - sum(servers.map(({ held }) => held)))
  const part = missing > 0 ? Math.min(1, free / missing) : 0
  const enough = guaranteedShare(perSecond, live.length) * (1 - ROUNDING)
  const raises = short.flatMap(({ server, held, share }) => {
    const raised = held + (share - held) * part
    // A new server without a share uses its own modest default, which serves it better than a tiny share.
    const isWorthIt = raised > held * (1 + CHANGE_MIN) && raised >= enough
    return isWorthIt ? [{ server, share: raised }] : []
  })
  return [...lowered(servers, perSecond, missing), ...raises]
}

/** The servers whose share is more than 10 % too large. After them come as many others as it takes to free
 *  what is missing, the largest excess first. */
function lowered<Server extends Sharer>(
  servers: readonly { server: Server; held: number; share: number }[],
  perSecond: number,
  missing: number,
): ShareChange<Server>[] {
  const excess = ({ held, share }: { held: number; share: number }) => held - share
  const isLarge = (one: { held: number; share: number }) => excess(one) > one.held * CHANGE_MIN
  const large = servers.filter(isLarge)
  const small = servers.filter((one) => excess(one) > 0 && !isLarge(one))
  small.sort((one, other) => excess(other) - excess(one))
  let toFree = missing - (perSecond - sum(servers.map(({ held }) => held))) - sum(large.map(excess))
  const also = small.filter((one) => {
    const isNeeded = toFree > perSecond * ROUNDING
    if (isNeeded) toFree -= excess(one)
    return isNeeded
  })
  return [...large, ...also].map(({ server, share }) => ({ server, share }))
}

/** Sums of shares are off by less than this part of them. */
const ROUNDING = 1e-9

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
