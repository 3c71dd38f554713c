/** How many connects per second a server may start: at most its own limit, and at most its share of the
 *  fleet's. No I/O: each answer to a beat tells the share. */
import type { ServerRow } from '../../core/store/server-row.ts'

/** The rate until the sweep has given a share: new servers are not counted yet, and must not stampede
 *  together. */
const UNTOLD_PER_SECOND = 1

export function createConnectRate(ownPerSecond: number) {
  let shareBefore: number | undefined
  return {
    initial: Math.min(ownPerSecond, UNTOLD_PER_SECOND),
    /** Takes in the row that a beat was answered with. A smaller share counts at once. A larger one counts
     *  when the next answer repeats it: by then the server that gave the share up has learned of it, too.
     *  @returns the rate from now on */
    told({ connectShare }: Pick<ServerRow, 'connectShare'>): number {
      const share = Math.min(connectShare ?? UNTOLD_PER_SECOND, shareBefore ?? Number.POSITIVE_INFINITY)
      shareBefore = connectShare
      return Math.min(ownPerSecond, share)
    },
  }
}
