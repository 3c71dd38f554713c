/** Walks through a conversation, or a first link: at each request to the store the host dies, and another
 *  host goes on. */
import { inParallel } from '../../../core/parallel.ts'
import { silenceConsole } from '../../../hosts/whatsapp/silence-console.ts'
import '../../local/whatsapp/baileys-timers.ts'
import { converse, FRIEND, type Outcome } from './conversation.ts'
import type { Link } from './first-link.ts'
import { linkDevice, type Snapshot } from './linked-device.ts'
import type { Death } from './mortal-host.ts'

/** Runs at once. */
const LANES = 6

const WAYS_TO_DIE: readonly Death['how'][] = ['before', 'after', 'late']

export type Walked<Result> = { readonly death: Death } & (Result | { readonly failed: string })

/** A linked device that has talked with one contact before. */
export async function settledDevice(): Promise<Snapshot> {
  // libsignal prints sessions, private keys included
  silenceConsole()
  return linkDevice(async ({ hears, says }) => {
    await hears(FRIEND, 'hello')
    await says(FRIEND, 'hello yourself')
  })
}

/** The same conversation any number of times, each on a copy of the device. */
export function conversationOn(snapshot: Snapshot): (death?: Death) => Promise<Outcome> {
  return async (death) => {
    const device = await snapshot.restore()
    try {
      return await converse(device, death)
    } finally {
      await device.close()
    }
  }
}

/** A death at every request, in every way. */
export function allDeaths(requests: number): Death[] {
  return everyRequest(requests).flatMap((atRequest) => WAYS_TO_DIE.map((how) => ({ atRequest, how })))
}

/** A death at every request, in one of the ways. */
export function someDeaths(requests: number): Death[] {
  return everyRequest(requests).map((atRequest) => ({
    atRequest,
    how: WAYS_TO_DIE[(atRequest - 1) % WAYS_TO_DIE.length] ?? 'before',
  }))
}

function everyRequest(requests: number): number[] {
  return Array.from({ length: requests }, (_, at) => at + 1)
}

/** @param told called with each run that has ended */
export async function walk<Result>(
  run: (death: Death) => Promise<Result>,
  deaths: readonly Death[],
  told: (walked: Walked<Result>) => void = () => undefined,
): Promise<Walked<Result>[]> {
  return inParallel(deaths, LANES, async (death) => {
    const walked = await run(death).then(
      (outcome) => ({ death, ...outcome }),
      (error: unknown) => ({ death, failed: String(error) }),
    )
    told(walked)
    return walked
  })
}

/** Whether a message was lost, or a session broken for a while. */
export function isBad(walked: Walked<Outcome>): boolean {
  if ('failed' in walked) return true
  const { lostInbound, lostOutbound, undecryptable, nacked, retries, queued } = walked
  return lostInbound.length + lostOutbound.length + undecryptable + nacked + retries + queued > 0
}

/** Whether the phone shows a linked device without credentials, or the first message to it was lost or sent
 *  again. */
export function isBrokenLink(walked: Walked<Link>): boolean {
  if ('failed' in walked) return true
  const { strays, undecryptable, nacked, retries } = walked
  return strays.length + undecryptable + nacked + retries > 0
}
