/** The plan of one run: which fault strikes when, and how long. Pure: a seed draws one plan, for any
 *  fleet. */
import type { Break } from '../../local/whatsapp/breaks.ts'
import { type Chance, chance } from '../simulation/chance.ts'
import {
  drawAck,
  drawAskedAgain,
  drawByLid,
  drawDamage,
  drawInGroup,
  drawLoginDamage,
  drawQuestion,
  drawRefusal,
  drawSilence,
  drawSilenceForAll,
  type Evil,
} from './evil-plan.ts'

/** Faults that strike one server. */
export const SERVER_FAULTS = [
  'killed',
  'frozen',
  'unreachable',
  'requests lost',
  'answers lost',
  'database cut',
  'slow',
] as const
export type ServerFault = (typeof SERVER_FAULTS)[number]

export type Fault =
  | {
      readonly kind: ServerFault
      readonly server: number
      readonly lastsMs: number
      readonly delayMs: number
    }
  | { readonly kind: 'sweep stopped'; readonly lastsMs: number }
  | { readonly kind: 'all slow'; readonly lastsMs: number; readonly delayMs: number }
  | { readonly kind: 'rolling restart' }
  /** `picks` choose devices: each is a fraction of their number at that moment. */
  | { readonly kind: 'sockets closed'; readonly how: Break; readonly picks: readonly number[] }
  | { readonly kind: 'registered' }
  | { readonly kind: 'removed'; readonly pick: number }
  | { readonly kind: 'texted'; readonly pick: number; readonly contact: number }
  | Evil

export type Planned = Fault & { readonly atMs: number }

export interface PlanOptions {
  readonly seed: number
  readonly seconds: number
  readonly servers: number
}

/** The plan leaves at least this many servers alone at any time. */
export const SERVERS_ALIVE_MIN = 2
/** Nothing strikes in the first second or lasts into the last one. */
const CALM_MS = 1000
/** A server is left alone this long after a fault, until it has come back. */
const RECOVERY_MS = 8000
/** A stop, a start and a join. A rolling restart that takes longer only meets a fault earlier. */
const RESTART_MS = 9000
/** A client notices a silent socket only by its next ping. */
const SILENCE_MS = 70_000
/** Closings after which a device comes back. The same holds for a foreign login that is not repeated. */
const CLOSINGS = ['408', '428', '500', '503', '515', 'reset'] as const

export function drawPlan(options: PlanOptions): Planned[] {
  const endMs = options.seconds * 1000 - CALM_MS
  const plan = [
    ...serverFaults(options, endMs),
    ...every(options, 'sweep stopped', [40_000, 80_000], (draw) => ({
      kind: 'sweep stopped',
      lastsMs: draw.between(10_000, 30_000),
    })),
    ...every(options, 'all slow', [50_000, 100_000], (draw) => ({
      kind: 'all slow',
      lastsMs: draw.between(5000, 15_000),
      delayMs: draw.between(20, 300),
    })),
    ...every(options, 'sockets closed', [1000, 4000], (draw) => ({
      kind: 'sockets closed',
      how: draw.pick(CLOSINGS) ?? '428',
      picks: fractions(draw, draw.whole(1, 4)),
    })),
    ...every(options, 'foreign', [30_000, 60_000], (draw) => ({
      kind: 'sockets closed',
      how: '440',
      picks: fractions(draw, 1),
    })),
    ...every(options, 'silent', [40_000, 80_000], (draw) => ({
      kind: 'sockets closed',
      how: 'silent',
      picks: fractions(draw, 1),
    })).filter(({ atMs }) => atMs < endMs - SILENCE_MS),
    ...every(options, 'registered', [6000, 14_000], () => ({ kind: 'registered' })),
    ...every(options, 'removed', [6000, 14_000], (draw) => ({ kind: 'removed', pick: draw.fraction() })),
    ...every(options, 'texted', [200, 800], (draw) => ({
      kind: 'texted',
      pick: draw.fraction(),
      contact: draw.fraction(),
    })),
    ...evil(options, endMs),
  ].filter((planned) => planned.atMs >= CALM_MS && planned.atMs < endMs)
  return plan
    .map((planned) =>
      'lastsMs' in planned
        ? { ...planned, lastsMs: Math.min(planned.lastsMs, endMs - planned.atMs) }
        : planned,
    )
    .sort((one, other) => one.atMs - other.atMs)
}

function evil(options: PlanOptions, endMs: number): Planned[] {
  return [
    ...every(options, 'damage', [2000, 6000], drawDamage),
    ...every(options, 'login damage', [5000, 12_000], drawLoginDamage),
    ...every(options, 'refusal', [5000, 12_000], drawRefusal),
    ...every(options, 'question', [4000, 10_000], drawQuestion),
    ...every(options, 'ack', [4000, 10_000], drawAck),
    ...every(options, 'silence', [10_000, 25_000], (draw) => drawSilence(draw, endMs)),
    ...every(options, 'silence for all', [40_000, 100_000], drawSilenceForAll),
    ...every(options, 'by LID', [1000, 3000], drawByLid),
    ...every(options, 'in a group', [2000, 5000], drawInGroup),
    ...every(options, 'asked again', [3000, 8000], drawAskedAgain),
  ]
}

/** Strikes servers one after another and two at a time, and leaves enough of them to take over. */
function serverFaults({ seed, servers }: PlanOptions, endMs: number): Planned[] {
  const draw = chance(seed, 'servers')
  const freeAtMs = Array.from({ length: servers }, () => 0)
  const plan: Planned[] = []
  let rollingUntilMs = 0
  let nextRollingMs = draw.between(25_000, 50_000)
  for (let atMs = CALM_MS; atMs < endMs; atMs += draw.between(2000, 7000)) {
    if (atMs >= nextRollingMs) {
      plan.push({ atMs, kind: 'rolling restart' })
      rollingUntilMs = atMs + servers * RESTART_MS
      nextRollingMs = rollingUntilMs + draw.between(60_000, 120_000)
    }
    const fault = serverFault(draw)
    const free = freeAtMs.flatMap((until, server) => (until <= atMs ? [server] : []))
    const server = draw.pick(free)
    const rolling = atMs < rollingUntilMs ? 1 : 0
    if (server === undefined || free.length - rolling <= SERVERS_ALIVE_MIN) continue
    freeAtMs[server] = atMs + fault.lastsMs + RECOVERY_MS
    plan.push({ atMs, ...fault, server })
  }
  return plan
}

function serverFault(draw: Chance) {
  const kind = draw.pick([...SERVER_FAULTS, 'killed', 'frozen', 'frozen'] as const) ?? 'killed'
  // Half of the faults are shorter than a lease.
  const lastsMs = draw.happens(500) ? draw.between(1000, 8000) : draw.between(8000, 30_000)
  // Requests end after 1.5 s: some are late, and some are given up and applied anyway.
  const delayMs = draw.happens(500) ? draw.between(100, 700) : draw.between(700, 4000)
  return { kind, lastsMs: kind === 'killed' ? 0 : lastsMs, delayMs }
}

function every(
  { seed, seconds }: PlanOptions,
  name: string,
  [fromMs, toMs]: readonly [number, number],
  fault: (draw: Chance) => Fault,
): Planned[] {
  const draw = chance(seed, name)
  const plan: Planned[] = []
  // The first fault comes earlier than the interval, so that a short run has one of each kind.
  for (let atMs = draw.between(0, fromMs); atMs < seconds * 1000; atMs += draw.between(fromMs, toMs))
    plan.push({ atMs, ...fault(draw) })
  return plan
}

function fractions(draw: Chance, count: number): number[] {
  return Array.from({ length: count }, () => draw.fraction())
}
