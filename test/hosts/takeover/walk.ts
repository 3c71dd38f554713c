/** Walks through a conversation: at each request to the store the host dies, and another one goes on. */
import { inParallel } from '../../../core/parallel.ts'
import { silenceConsole } from '../../../hosts/silence-console.ts'
import '../../local/whatsapp/baileys-timers.ts'
import { converse, FRIEND, type Outcome } from './conversation.ts'
import { linkDevice, type Snapshot } from './linked-device.ts'
import type { Death } from './mortal-host.ts'

/** Runs at once. */
const LANES = 6

export const WAYS_TO_DIE: readonly Death['how'][] = ['before', 'after', 'late']

export type Walked = { readonly death: Death } & (Outcome | { readonly failed: string })

/** A linked device that has talked with one contact before. */
export async function settledDevice(): Promise<Snapshot> {
  // libsignal prints sessions, private keys included
  silenceConsole()
  return linkDevice(async ({ hears, says }) => {
    await hears(FRIEND, 'hello')
    await says(FRIEND, 'hello yourself')
  })
}

/** How many requests the conversation takes when nobody dies. */
export async function countRequests(snapshot: Snapshot): Promise<number> {
  const { requests } = await converseOn(snapshot)
  return requests
}

/** @param told called with each run that has ended */
export async function walk(
  snapshot: Snapshot,
  deaths: readonly Death[],
  told: (walked: Walked) => void = () => undefined,
): Promise<Walked[]> {
  return inParallel(deaths, LANES, async (death) => {
    const walked = await converseOn(snapshot, death).then(
      (outcome) => ({ death, ...outcome }),
      (error: unknown) => ({ death, failed: String(error) }),
    )
    told(walked)
    return walked
  })
}

/** Whether a message was lost, or a session broken for a while. */
export function isBad(walked: Walked): boolean {
  if ('failed' in walked) return true
  const { lostInbound, lostOutbound, undecryptable, nacked, retries, queued } = walked
  return lostInbound.length + lostOutbound.length + undecryptable + nacked + retries + queued > 0
}

async function converseOn(snapshot: Snapshot, death?: Death): Promise<Outcome> {
  const device = await snapshot.restore()
  try {
    return await converse(device, death)
  } finally {
    await device.close()
  }
}
