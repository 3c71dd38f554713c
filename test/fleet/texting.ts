/** Contacts that write to the devices of a fleet all the time. */
import type { DeviceId } from '../../core/ids.ts'
import type { TestFleet } from './fleet-under-test.ts'

const PAUSE_MS = 500

/** Texts `eachTime` devices every half second, one after another and again from the first.
 *  @returns stops the texts, and tells how many were written */
export function keepTexting(fleet: TestFleet, ids: readonly DeviceId[], eachTime = ids.length) {
  let isOver = false
  let written = 0
  const texting = (async () => {
    for (let first = 0; !isOver; first = (first + eachTime) % ids.length) {
      const turn = [...ids, ...ids].slice(first, first + eachTime)
      for (const { account } of await fleet.devices(turn)) {
        if (!account) continue
        await fleet.simulator.text(account.jid, 'ahoy')
        written++
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    }
  })()
  return async (): Promise<number> => {
    isOver = true
    await texting
    return written
  }
}
