/** Sets the speed of an import by the speed at which its devices connect. The fleet limits how many devices
 *  connect in a second: devices that wait in a long queue are stopped in the old system, and not yet live
 *  here. Every wait ends: with a device that settles, with Ctrl-C, or after minutes without any. */
import { type Mark, sleep } from '../../core/clock.ts'
import type { DeviceId } from '../../core/ids.ts'
import { type DeviceRow, hasSettled } from '../../core/store/device-row.ts'
import type { Store } from '../../core/store/store.ts'
import { counted, span } from '../words.ts'
import type { CliWorld } from '../world.ts'
import type { Outcome } from './carry-out.ts'
import type { Progress } from './progress.ts'

/** Imported devices that have not connected yet: two seconds of the fleet's default connect limit, so that
 *  the servers never run out of work. */
export const AHEAD_MAX = 100
/** No device has connected for so long. A server restarts within a minute or two, so none is coming. */
export const WAIT_MS_MAX = 5 * 60_000

const LOOK_EVERY_MS = 2000
/** One request reads up to this many rows. */
const ROWS_PER_REQUEST = 100
/** Looks are rarer when one needs more requests, so that there are four requests a second at most. */
const MS_PER_REQUEST = 250
/** Waiting this long without any device that connects is worth a word. */
const TOLD_AFTER_MS = 10_000
/** Looks that fail one after another, each after the retries of the SDK. */
const FAILED_LOOKS_MAX = 3
const UNDER_WAY_LOOK_MS = 100

type World = Pick<CliWorld, 'clock' | 'stop'>

export interface PaceOptions {
  /** Import so many, and wait until each of them has connected. */
  readonly batch?: number
  /** Begin the next batch also when a device has not connected. */
  readonly keepGoing?: boolean
}

/** A device that will not connect by itself. */
export interface Unconnected {
  readonly deviceId: DeviceId
  readonly why: string
}

export interface Pace {
  /** Waits until one more device may be imported.
   *  @returns false when the import must end here: see `stoppedBecause`, and the signal to stop */
  mayBegin(): Promise<boolean>
  begin(): void
  ended(outcome: Pick<Outcome, 'deviceId' | 'outcome'>): void
  /** With batches: waits for the last one. Otherwise it looks a last time. */
  finish(): Promise<void>
  /** How many devices had not connected at the last look. */
  waiting(): number
  stoppedBecause(): string | undefined
  unconnected(): readonly Unconnected[]
}

/** For devices that are left stopped. */
export const noPace: Pace = {
  mayBegin: async () => true,
  begin: () => undefined,
  ended: () => undefined,
  finish: async () => undefined,
  waiting: () => 0,
  stoppedBecause: () => undefined,
  unconnected: () => [],
}

export function createPace(
  { clock, stop }: World,
  store: Pick<Store, 'getMany'>,
  progress: Pick<Progress, 'wait' | 'note'>,
  { batch, keepGoing = false }: PaceOptions,
): Pace {
  /** Devices that have not settled, and whether this run has imported them. */
  const waiting = new Map<DeviceId, boolean>()
  const unconnected: Unconnected[] = []
  let settledAt: Mark = clock.mark()
  let underWay = 0
  let failedLooks = 0
  let stoppedBecause: string | undefined
  let batches = 0
  let inBatch = 0
  let badBefore = 0

  const mustEnd = () => stop.aborted || stoppedBecause !== undefined

  /** @returns when there is room, or when the import must end */
  async function waitUntil(hasRoom: () => boolean): Promise<void> {
    if (hasRoom()) return
    settledAt = clock.mark()
    while (!mustEnd()) {
      if (waiting.size > 0) await look()
      if (hasRoom() || mustEnd()) return
      const requests = Math.ceil(waiting.size / ROWS_PER_REQUEST)
      const ms = waiting.size === 0 ? UNDER_WAY_LOOK_MS : Math.max(LOOK_EVERY_MS, requests * MS_PER_REQUEST)
      await sleep(clock, ms, stop)
    }
  }

  async function look(): Promise<void> {
    let rows: DeviceRow[]
    try {
      const keys = [...waiting.keys()].map((deviceId) => ({ deviceId }))
      rows = await store.getMany('Devices', keys)
      failedLooks = 0
    } catch (error) {
      failedLooks += 1
      const { name } = error instanceof Error ? error : { name: 'Error' }
      if (failedLooks >= FAILED_LOOKS_MAX) stoppedBecause = `The rows of the devices cannot be read: ${name}.`
      return
    }
    take(new Map(rows.map((row) => [row.deviceId, row])))
    const idleMs = clock.elapsedMs(settledAt)
    if (waiting.size === 0 || idleMs < TOLD_AFTER_MS) return
    const words = waitingInWords([...waiting.keys()], rows)
    if (idleMs >= WAIT_MS_MAX) {
      stoppedBecause = `No device has connected for ${span(WAIT_MS_MAX)}: ${words}`
      return
    }
    progress.wait(`${words} The import gives up in ${span(WAIT_MS_MAX - idleMs)}.`)
  }

  function take(rows: ReadonlyMap<DeviceId, DeviceRow>): void {
    for (const [deviceId, isOurs] of waiting) {
      const row = rows.get(deviceId)
      if (row && !hasSettled(row)) continue
      waiting.delete(deviceId)
      settledAt = clock.mark()
      if (!isOurs || row?.status === 'connected') continue
      const why = row ? whyUnconnected(row) : 'it was deleted'
      unconnected.push({ deviceId, why })
      progress.note(`device "${deviceId}" has not connected: ${why}`)
    }
  }

  async function endBatch(): Promise<void> {
    await waitUntil(() => underWay === 0 && waiting.size === 0)
    if (mustEnd()) return
    batches += 1
    const bad = unconnected.length - badBefore
    progress.note(`batch ${batches}: ${counted(inBatch, 'device')} imported, ${inBatch - bad} connected`)
    inBatch = 0
    badBefore = unconnected.length
    if (bad > 0 && !keepGoing) {
      const otherwise = 'With --keep-going the next batch begins anyway.'
      stoppedBecause = `${counted(bad, 'device')} of batch ${batches} did not connect. ${otherwise}`
    }
  }

  return {
    async mayBegin() {
      if (batch === undefined) await waitUntil(() => underWay + waiting.size < AHEAD_MAX)
      else if (inBatch >= batch) {
        await waitUntil(() => underWay === 0)
        // Devices that were skipped or that failed leave room in the batch.
        if (inBatch >= batch) await endBatch()
      }
      return !mustEnd()
    },
    begin() {
      underWay += 1
      inBatch += 1
    },
    ended({ deviceId, outcome }) {
      underWay -= 1
      if (outcome !== 'imported') inBatch -= 1
      if (deviceId && (outcome === 'imported' || outcome === 'done')) {
        waiting.set(deviceId, outcome === 'imported')
      }
    },
    async finish() {
      if (mustEnd() || waiting.size === 0) return
      if (batch !== undefined) return endBatch()
      settledAt = clock.mark()
      await look()
    },
    waiting: () => waiting.size,
    stoppedBecause: () => stoppedBecause,
    unconnected: () => unconnected,
  }
}

function whyUnconnected({ status, statusReason, refusal }: DeviceRow): string {
  const why = refusal?.why ?? statusReason
  return `it is ${status.replace('_', ' ')}${why ? `: ${why}` : ''}`
}

/** @param rows as they were read for the devices that waited before */
function waitingInWords(ids: readonly DeviceId[], rows: readonly DeviceRow[]): string {
  const still = new Set<string>(ids)
  const unassigned = rows.filter(({ deviceId, status }) => still.has(deviceId) && status === 'unassigned')
  if (unassigned.length === 0)
    return `${counted(ids.length, 'device')} of this import ${ids.length === 1 ? 'has' : 'have'} not connected yet.`
  return `${counted(unassigned.length, 'device')} wait for a server: is any running, with room for them?`
}
