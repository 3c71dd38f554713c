/** The outcome of one run. Pure: what was seen goes in, figures and stories come out. */
import type { Report } from '../../local/whatsapp/judge.ts'
import type { Compared, Missing } from './fleet.ts'
import { type LostDevice, type LostServer, lostDevices, lostServers } from './losses.ts'
import type { Told } from './record.ts'
import type { ChaosRun } from './run.ts'
import type { SocketWatch } from './socket-watch.ts'
import type { LastWords, TextsWaiting } from './texting.ts'
import { type Judged, judge, type Verdict } from './verdict.ts'

export interface Seen {
  readonly report: Report
  readonly moves: number
  /** When the faults began, and when the last check was made. */
  readonly fromMs: number
  readonly untilMs: number
  readonly missing: readonly Missing[]
  readonly connectedAfterMs: number
  readonly words: LastWords
  readonly textsWaiting: TextsWaiting
  readonly auth: readonly Compared[]
  /** The kinds of keys that are in the logs. Undefined where nobody keeps them out. */
  readonly keysInLogs: readonly string[] | undefined
  /** Undefined where there is no quarantine. */
  readonly quarantined: readonly string[] | undefined
  /** Of the process that is database, WhatsApp and network at once. A machine that is too slow spoils the
   *  figures. */
  readonly lateMsP99: number
}

export interface Outcome extends Seen {
  readonly fleet: 'mooring' | 'naive'
  readonly seed: number
  readonly struck: ReadonlyMap<string, number>
  readonly judged: readonly Judged[]
  readonly verdicts: Readonly<Record<Verdict, number>>
  /** Undefined where writes carry no epoch. */
  readonly staleWrites: { readonly accepted: number; readonly refused: number } | undefined
  readonly differing: readonly Compared[]
  /** Texts that no device has received and none will. */
  readonly textsLost: number
  /** Processes that ended by themselves. */
  readonly serversLost: readonly LostServer[]
  /** Sockets that ended although nothing had struck their device or server. Undefined where nobody recorded
   *  it. */
  readonly devicesLost: readonly LostDevice[] | undefined
  /** Each breach of what must hold, with the events around it. */
  readonly violations: readonly string[]
}

/** The parts of a run that a verdict needs. */
export interface Struck {
  readonly options: Pick<ChaosRun['options'], 'seed'>
  readonly record: ChaosRun['record']
  readonly struck: ChaosRun['struck']
  readonly fleet: Pick<ChaosRun['fleet'], 'name' | 'watch' | 'ownerAt' | 'nameOf' | 'leaseMsMin' | 'sockets'>
}

/** This many violations are told in full. The others are counted. */
const STORIES_MAX = 5
const STORY_BEFORE_MS = 20_000
const STORY_AFTER_MS = 3000

export function outcomeOf({ options, fleet, record, struck }: Struck, seen: Seen): Outcome {
  const judged = judge(seen.report.overlaps, {
    servers: record.servers,
    ownerAt: fleet.ownerAt,
    nameOf: fleet.nameOf,
    leaseMsMin: fleet.leaseMsMin,
    untilMs: seen.untilMs,
  })
  const verdicts = { 'both running': 0, 'owner replaced': 0, 'stale replaced': 0 }
  for (const { verdict } of judged) verdicts[verdict] += 1
  const { staleAccepted, staleRefused } = fleet.watch
  const { texted, received, dropped } = seen.report.messages
  const { forDevices, forRemoved } = seen.textsWaiting
  const textsLost = texted - received - dropped - forDevices - forRemoved
  const serversLost = lostServers(record.servers, hadDevice(fleet)).filter(({ atMs }) => isWithin(seen, atMs))
  const devicesLost = fleet.sockets && lossesOf(fleet.sockets, { fleet, record }, seen)
  const differing = seen.auth.filter((one) => one.differences.length > 0)
  return {
    ...seen,
    fleet: fleet.name,
    seed: options.seed,
    struck,
    judged,
    verdicts,
    staleWrites:
      fleet.name === 'naive' ? undefined : { accepted: staleAccepted.length, refused: staleRefused.length },
    differing,
    textsLost,
    serversLost,
    devicesLost,
    violations: [
      ...serversLost.map(({ name, atMs, end }) => {
        const what = `the process of ${name} ended by itself: code ${end.code}, signal ${end.signal}`
        return story(what, atMs, record.story)
      }),
      ...(devicesLost ?? []).map(({ deviceId, atMs, why }) =>
        story(`${deviceId} lost its socket, and nothing had struck it. ${why}`, atMs, record.story),
      ),
      ...(seen.quarantined ?? []).map((deviceId) => `${deviceId} is quarantined`),
      ...judged
        .filter(({ verdict }) => verdict !== 'stale replaced')
        .map(({ overlap, verdict, why }) => {
          const { account, older, newer, from, durationMs } = overlap
          const length = durationMs === undefined ? 'to the end' : `for ${durationMs} ms`
          const what = `${account}: ${older} and ${newer} from ${from} ${length}`
          return story(`${verdict}: ${why}. ${what}`, Date.parse(overlap.from), record.story)
        }),
      ...staleAccepted.map((write) =>
        story(
          `a write of ${write.deviceId} under epoch ${write.epoch} was accepted after epoch ${write.newest}`,
          write.atMs,
          record.story,
        ),
      ),
      ...seen.missing.map(({ deviceId, why }) => `${deviceId} is not connected: ${why}`),
      ...(textsLost === 0 ? [] : [`${textsLost} texts are lost: no device has received them`]),
      ...(seen.keysInLogs ?? []).map((kind) => `a log contains a ${kind}`),
      ...differing.map((one) => `the credentials of ${one.deviceId} differ: ${one.differences.join(', ')}`),
    ],
  }
}

function lossesOf({ ends }: SocketWatch, { fleet, record }: Pick<Struck, 'fleet' | 'record'>, seen: Seen) {
  const { nameOf, watch } = fleet
  return lostDevices({
    servers: record.servers,
    deviceStrikes: record.deviceStrikes,
    sockets: ends.filter(({ untilMs }) => isWithin(seen, untilMs)),
    saidEnds: watch.saidEnds,
    deviceOf: watch.deviceOf,
    ownersBetween: watch.ownersBetween,
    nameOf,
  })
}

function hadDevice({ name: fleet, nameOf, watch }: Struck['fleet']) {
  // A naive server that starts again still has its devices.
  if (fleet === 'naive') return () => true
  return (name: string, fromMs: number, untilMs: number) =>
    watch.hasAssigned((server) => nameOf(server) === name, fromMs, untilMs)
}

function isWithin({ fromMs, untilMs }: Seen, atMs: number): boolean {
  return fromMs <= atMs && atMs <= untilMs
}

/** The violations, each with the faults around it. Last answers that are missing come first: they are no
 *  violation, but not well either. */
export function tellViolations({ violations, words, seed, fleet }: Outcome): string[] {
  const left = violations.length - STORIES_MAX
  return [
    ...words.unanswered
      .slice(0, STORIES_MAX)
      .map(({ deviceId, why }) => `${fleet}, seed ${seed}: no last answer of ${deviceId}: ${why}`),
    ...violations.slice(0, STORIES_MAX).map((violation) => `${fleet}, seed ${seed}: ${violation}`),
    ...(left > 0 ? [`${fleet}, seed ${seed}: and ${left} more`] : []),
  ]
}

function story(what: string, atMs: number, told: readonly Told[]): string {
  const around = told.filter((one) => one.atMs >= atMs - STORY_BEFORE_MS && one.atMs <= atMs + STORY_AFTER_MS)
  const lines = around.map((one) => `    ${((one.atMs - atMs) / 1000).toFixed(1).padStart(6)} s  ${one.what}`)
  return [what, ...lines].join('\n')
}
