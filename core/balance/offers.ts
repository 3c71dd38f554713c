/** Decides which servers are told a new surplus. A server takes devices from its surplus when they lose their
 *  socket anyway. Pure; core/balance/rebalance.ts writes the offers. */
import type { ServerId } from '../ids.ts'
import type { RebalancingStatus } from '../store/fleet-row.ts'
import { isLive, type ServerRow } from '../store/server-row.ts'

/** A server that took a device from its surplus releases it within this time. Until then `load` still counts
 *  the device, so no larger surplus may be offered. */
const OFFER_EVERY_MS = 30_000
/** Surpluses written at one look; the others are written at the next looks. */
const OFFERS_MAX = 100

type OfferedAt = Pick<RebalancingStatus, 'offeredAt'>

export interface Offer {
  readonly server: ServerRow
  readonly surplus: number
}

/** The surpluses to write now. A surplus is lowered at any time, and raised only when the devices taken from
 *  it are gone.
 *  @param wanted the surplus of each server that has one */
export function offersOf(
  servers: readonly ServerRow[],
  wanted: ReadonlyMap<ServerId, number>,
  before: OfferedAt | undefined,
  nowMs: number,
): Offer[] {
  const mayRaise = nowMs - (before?.offeredAt ?? 0) >= OFFER_EVERY_MS
  const offers = servers.filter(isLive).flatMap((server) => {
    const { serverId, surplus: told = 0 } = server
    const surplus = wanted.get(serverId) ?? 0
    const isDue = surplus > told ? mayRaise : surplus < told || (server.surplus === 0 && told === 0)
    return isDue ? [{ server, surplus }] : []
  })
  return offers.slice(0, OFFERS_MAX)
}

/** When servers were last told a larger surplus, these offers included. */
export function offeredAt(before: OfferedAt | undefined, offers: readonly Offer[], nowMs: number): OfferedAt {
  const isRaised = offers.some(({ server, surplus }) => surplus > (server.surplus ?? 0))
  const at = isRaised ? nowMs : before?.offeredAt
  return at === undefined ? {} : { offeredAt: at }
}
