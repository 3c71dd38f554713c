/** A run of the chaos: the devices of a fleet are linked, the fleet is struck for some time, left alone,
 *  and checked. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { type Clock, sleep, systemClock } from '../../core/clock.ts'
import { makeUndo, type Undo } from '../../local/demo/undo.ts'
import { Interrupted, waitFor } from '../../local/demo/waiting.ts'
import type { Break } from '../../local/whatsapp/breaks.ts'
import { createEvildoer, type Evildoer, isEvil } from './evil.ts'
import type { ChaosFleet, Missing } from './fleet.ts'
import { type KeptServer, keepServers } from './keeper.ts'
import { startMooring } from './mooring.ts'
import { startNaive } from './naive.ts'
import { type Outcome, outcomeOf } from './outcome.ts'
import { drawPlan, type Fault, type Planned } from './plan.ts'
import { type ChaosRecord, createRecord, EVERY_SERVER } from './record.ts'
import { createStrikes, isStrike, type Strikes } from './strikes.ts'
import { lastWords, textSomebody, textsWaiting } from './texting.ts'

const JOIN_MS_MAX = 30_000
/** The longest backoff of a device is a minute. Before it, a server that was just struck is buried and
 *  started again. */
const CONNECT_MS_MAX = 150_000
/** All devices may be connected for one moment by luck, so they are looked at again after this. */
const STEADY_MS = 3000
const LOOK_EVERY_MS = 500
/** Progress is told after this many devices. */
const LINKED_AT_ONCE = 10
/** This process is database, WhatsApp and network at once. When it is blocked this long, requests end
 *  unanswered. */
const STANDSTILL_MS_MIN = 700
const STANDSTILL_LOOK_MS = 100
const NANOSECONDS_PER_MS = 1e6

export interface RunOptions {
  readonly fleet: ChaosFleet['name']
  readonly seed: number
  readonly seconds: number
  readonly devices: number
  readonly servers: number
  readonly logDir: string
  readonly stop: AbortSignal
  /** Takes a line of progress, often. */
  readonly tell: (line: string) => void
}

export interface ChaosRun {
  readonly options: RunOptions
  readonly clock: Clock
  readonly nowMs: () => number
  readonly undo: Undo
  readonly record: ChaosRecord
  readonly fleet: ChaosFleet
  readonly servers: readonly KeptServer[]
  /** How often each kind struck. */
  readonly struck: Map<string, number>
}

/** @throws Interrupted when `stop` is aborted. Nothing is left behind then either */
export async function runChaos(options: RunOptions): Promise<Outcome> {
  const undo = makeUndo()
  try {
    return await play(options, undo)
  } finally {
    options.tell('ending: processes end, ports are freed')
    await undo.all()
  }
}

async function play(options: RunOptions, undo: Undo): Promise<Outcome> {
  const run = await prepare(options, undo)
  const { fleet, record, nowMs, clock } = run
  fleet.simulator.resetReport()
  const movesBefore = fleet.watch.moves
  const fromMs = nowMs()
  const hands: Hands = {
    strikes: createStrikes(fleet, run.servers, record, clock),
    evildoer: createEvildoer(fleet, record, clock),
  }
  const progress = tellProgress(run)
  const standstills = recordStandstills(run)
  const lateness = monitorEventLoopDelay()
  lateness.enable()
  try {
    await strikeAll(run, hands, drawPlan(options))
    if (options.stop.aborted) throw new Interrupted()
    options.tell('the faults are over: every device has to connect')
    const begun = clock.mark()
    const missing = await connected(run)
    const connectedAfterMs = clock.elapsedMs(begun)
    const words = await lastWords(fleet, clock, options.stop)
    const auth = await fleet.compareAuth()
    const keysInLogs = await fleet.keysInLogs?.()
    const quarantined = await fleet.quarantined?.()
    return outcomeOf(run, {
      report: fleet.simulator.report(),
      moves: fleet.watch.moves - movesBefore,
      fromMs,
      untilMs: nowMs(),
      missing,
      connectedAfterMs,
      words,
      textsWaiting: textsWaiting(fleet),
      auth,
      keysInLogs,
      quarantined,
      lateMsP99: lateness.percentile(99) / NANOSECONDS_PER_MS,
    })
  } finally {
    lateness.disable()
    clearInterval(progress)
    clearInterval(standstills)
  }
}

async function prepare(options: RunOptions, undo: Undo): Promise<ChaosRun> {
  const clock = systemClock
  const start = clock.mark()
  const startedAtMs = clock.wallMs()
  // The simulator counts like this: a time of day that never steps back.
  const nowMs = () => startedAtMs + Math.floor(clock.elapsedMs(start))
  const logDir = join(options.logDir, options.fleet)
  mkdirSync(logDir, { recursive: true })
  const names = Array.from({ length: options.servers }, (_, at) => `server-${at + 1}`)
  const parts = { logDir, clock, nowMs, undo, stop: options.stop }
  const fleet =
    options.fleet === 'mooring' ? await startMooring(parts) : await startNaive(parts, { ...options, names })
  const record = createRecord(nowMs)
  const servers = await keepServers(fleet, names, record, undo)
  for (const server of servers)
    await waitFor({ clock, stop: options.stop }, `${server.name} to join`, JOIN_MS_MAX, server.hasJoined)
  await fleet.link(options.devices, tellLinked(options))
  return { options, clock, nowMs, undo, record, fleet, servers, struck: new Map() }
}

function tellLinked({ devices, tell }: RunOptions): (linked: number) => void {
  let told = 0
  return (linked) => {
    if (linked === told || (linked % LINKED_AT_ONCE !== 0 && linked !== devices)) return
    told = linked
    tell(`${linked} of ${devices} devices linked`)
  }
}

interface Hands {
  readonly strikes: Strikes
  readonly evildoer: Evildoer
}

async function strikeAll(run: ChaosRun, hands: Hands, plan: readonly Planned[]): Promise<void> {
  const { options, clock } = run
  const begun = clock.mark()
  const waitUntil = (atMs: number) => sleep(clock, Math.max(0, atMs - clock.elapsedMs(begun)), options.stop)
  for (const planned of plan) {
    await waitUntil(planned.atMs)
    if (options.stop.aborted) break
    // Nobody waits for a fault: faults overlap.
    carryOut(run, hands, planned).catch((error: unknown) =>
      run.record.tell(`${planned.kind} failed: ${error instanceof Error ? error.message : String(error)}`),
    )
  }
  await waitUntil(options.seconds * 1000)
  hands.strikes.calm()
  hands.evildoer.calm()
}

async function carryOut(run: ChaosRun, { strikes, evildoer }: Hands, fault: Fault): Promise<void> {
  const { fleet, struck, record } = run
  const count = (kind: string, by = 1) => void struck.set(kind, (struck.get(kind) ?? 0) + by)
  if (isStrike(fault)) {
    if (await strikes.strike(fault)) count(fault.kind)
  } else if (isEvil(fault)) {
    const done = await evildoer.strike(fault)
    if (done) count(done.what, done.times)
  } else if (fault.kind === 'sockets closed') {
    const closed = closeSockets(run, fault.picks, fault.how)
    if (closed.length === 0) return
    count(`closed with ${fault.how}`, closed.length)
    record.tell(`WhatsApp closes ${closed.join(', ')} with ${fault.how}`)
  } else if (fault.kind === 'texted') {
    await textSomebody(fleet, fault.pick, fault.contact)
  } else if (fault.kind === 'registered' && fleet.churn) {
    count('devices registered')
    await fleet.churn.register()
  } else if (fault.kind === 'removed' && fleet.churn) {
    const devices = fleet.linked()
    const device = devices[Math.floor(fault.pick * devices.length)]
    if (!device) return
    count('devices removed')
    record.tell(`${device.deviceId} is removed`)
    record.strikeDevice(device.jid, 'removed')
    await fleet.churn.remove(device.deviceId)
  }
}

/** @returns the devices whose sockets were closed */
function closeSockets({ fleet, record }: ChaosRun, picks: readonly number[], how: Break): string[] {
  const open = new Set(
    fleet.simulator.accounts().flatMap(({ jid, connectedTo }) => (connectedTo ? [jid] : [])),
  )
  const devices = fleet.linked().filter(({ jid }) => open.has(jid))
  const chosen = new Set(picks.flatMap((pick) => devices[Math.floor(pick * devices.length)] ?? []))
  for (const { jid } of chosen) {
    record.strikeDevice(jid, `closed with ${how}`)()
    fleet.simulator.breakConnection(jid, how)
  }
  return [...chosen].map(({ deviceId }) => deviceId)
}

/** Waits for a while until every device has its socket. @returns the devices that have none */
async function connected({ fleet, clock, options }: ChaosRun): Promise<Missing[]> {
  const begun = clock.mark()
  // A database that is late after the storm is no fault of the fleet.
  const look = () =>
    fleet.notConnected().catch(() => [{ deviceId: 'all', why: 'the database did not answer' }])
  for (;;) {
    let missing = await look()
    if (missing.length === 0) {
      await sleep(clock, STEADY_MS, options.stop)
      missing = await look()
    }
    if (options.stop.aborted) throw new Interrupted()
    if (missing.length === 0 || clock.elapsedMs(begun) > CONNECT_MS_MAX) return missing
    await sleep(clock, LOOK_EVERY_MS, options.stop)
  }
}

function recordStandstills({ clock, record }: ChaosRun): NodeJS.Timeout {
  let last = clock.mark()
  return setInterval(() => {
    const lateMs = clock.elapsedMs(last) - STANDSTILL_LOOK_MS
    last = clock.mark()
    if (lateMs < STANDSTILL_MS_MIN) return
    record.begin(EVERY_SERVER, 'slow')
    record.end(EVERY_SERVER, 'slow')
    record.tell(`the chaos itself stood still for ${(lateMs / 1000).toFixed(1)} s`)
  }, STANDSTILL_LOOK_MS)
}

const PROGRESS_EVERY_MS = 5000

function tellProgress({ fleet, options, clock, struck, record }: ChaosRun): NodeJS.Timeout {
  const begun = clock.mark()
  return setInterval(() => {
    const { openSockets, overlaps, conflicts } = fleet.simulator.report()
    const faults = [...struck.values()].reduce((sum, count) => sum + count, 0)
    options.tell(
      `${Math.round(clock.elapsedMs(begun) / 1000)} s of ${options.seconds} s: ${faults} faults, ` +
        `${openSockets} sockets of ${fleet.linked().length} devices, ${overlaps.length} overlaps, ` +
        `${conflicts.overlap} conflicts; ` +
        `${record.story.at(-1)?.what ?? ''}`,
    )
  }, PROGRESS_EVERY_MS)
}
