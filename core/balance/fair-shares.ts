/** How many connects per second each server may do of what the whole fleet may do. Pure: the sweep asks at every look and
 *  writes what has changed (core/requests/server-requests.ts); the server learns it from the answer of its next beat. */
import type { ServerRow } from '../store/server-row.ts'

/** What a server may always do, as a part of an even share: whoever has nothing to connect can begin at once. */
const GUARANTEED_PART = 0.2
/** A share is written anew when it changes by more than this. */
const CHANGE_MIN = 0.1

/** Max-min fair: everybody gets what it wants, up to a level that is the same for all who want more; what nobody wants is
 *  spread evenly, so that a fleet at rest has even shares. The sum is `perSecond`.
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

/** Water-filling: from the smallest want to the largest, each takes at most an even part of what is there for it and
 *  those who want more. */
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

/** What is to be written now. The shares in the rows never sum to more than `perSecond`, unless they did before: a raise
 *  takes only what the rows, as they were read, leave free, so that what one server gives up goes to another a look later.
 *  Changes of 10 % or less are left alone, except to make room for a server that lacks more than that.
 *  @param live every server that can still act */
export function shareChanges<Server extends Sharer>(
  perSecond: number,
  live: readonly Server[],
): ShareChange<Server>[] {
  // Who waits has a use for a connect in this second.
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
    // A newcomer is better off with its own modest default than with next to nothing.
    const isWorthIt = raised > held * (1 + CHANGE_MIN) && raised >= enough
    return isWorthIt ? [{ server, share: raised }] : []
  })
  return [...lowered(servers, perSecond, missing), ...raises]
}

/** Those with more than 10 % too much; then, the largest surplus first, as many others as it takes to free what is missing. */
function lowered<Server extends Sharer>(
  servers: readonly { server: Server; held: number; share: number }[],
  perSecond: number,
  missing: number,
): ShareChange<Server>[] {
  const surplus = ({ held, share }: { held: number; share: number }) => held - share
  const isLarge = (one: { held: number; share: number }) => surplus(one) > one.held * CHANGE_MIN
  const large = servers.filter(isLarge)
  const small = servers.filter((one) => surplus(one) > 0 && !isLarge(one))
  small.sort((one, other) => surplus(other) - surplus(one))
  let toFree = missing - (perSecond - sum(servers.map(({ held }) => held))) - sum(large.map(surplus))
  const also = small.filter((one) => {
    const isNeeded = toFree > perSecond * ROUNDING
    if (isNeeded) toFree -= surplus(one)
    return isNeeded
  })
  return [...large, ...also].map(({ server, share }) => ({ server, share }))
}

/** Sums of shares are off by less than this part of them. */
const ROUNDING = 1e-9

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
