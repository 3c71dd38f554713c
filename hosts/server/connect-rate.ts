/** How many connects per second a server may do: its own limit, and at most its share of the fleet's. No I/O: each answer to
 *  a beat tells the share. */
import type { ServerRow } from '../../core/store/server-row.ts'

/** Until the sweep has given a share: newcomers that nobody has counted yet must not stampede together. */
const UNTOLD_PER_SECOND = 1

/** @returns takes in the row as a beat's answer carried it, and gives the rate from now on */
export function createConnectRate(ownPerSecond: number) {
  let shareBefore: number | undefined
  return {
    initial: Math.min(ownPerSecond, UNTOLD_PER_SECOND),
    /** A smaller share counts at once. A larger one counts when the next answer says it again: by then the server that gave
     *  it up has learned so, too. */
    told({ connectShare }: Pick<ServerRow, 'connectShare'>): number {
      const share = Math.min(connectShare ?? UNTOLD_PER_SECOND, shareBefore ?? Number.POSITIVE_INFINITY)
      shareBefore = connectShare
      return Math.min(ownPerSecond, share)
    },
  }
}
