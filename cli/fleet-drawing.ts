/** Draws a fleet as text. Pure: an answer of the API in, lines out. */
import type { FleetAnswer } from '../lambdas/api/routes/fleet.ts'
import { type Line, painted } from './lines.ts'
import { type Column, drawTable } from './table.ts'
import { age, counted, few, plain, span } from './words.ts'

type FleetServer = FleetAnswer['servers'][number]

const BAR_CELLS = 20
const TROUBLES_SHOWN_MAX = 5
/** The sweep looks once a second, and stores every few seconds that it did. */
const SWEEP_SECONDS_MAX = 30

/** Totals, servers, recent moves, and problems. */
export function drawFleet(fleet: FleetAnswer, width: number): Line[] {
  return [
    ...drawTotals(fleet),
    '',
    ...drawTable(SERVER_COLUMNS, byName(fleet.servers), width),
    '',
    drawChurn(fleet),
    drawRebalancing(fleet.rebalancing),
    ...drawTroubles(fleet),
  ]
}

function byName(servers: readonly FleetServer[]): FleetServer[] {
  return servers.toSorted((one, other) => one.name.localeCompare(other.name, 'en', { numeric: true }))
}

const SERVER_COLUMNS: Column<FleetServer>[] = [
  { title: 'SERVER', of: ({ name }) => name },
  { title: 'STATE', of: ({ state }) => state },
  { title: 'DEVICES', of: ({ owned }) => owned, right: true },
  { title: 'CONNECTED', of: ({ connected }) => connected, right: true },
  { title: 'LOAD', of: ({ load, capacity }) => `${load}/${capacity}`, right: true },
  { title: 'WAITING', of: ({ waiting }) => waiting, right: true },
  { title: 'USED', of: ({ utilisation }) => `${utilisation} %`, right: true },
  { title: '', of: ({ utilisation }) => bar(utilisation) },
]

function bar(percent: number): string {
  const full = Math.min(BAR_CELLS, Math.ceil((BAR_CELLS * percent) / 100))
  return '█'.repeat(full) + '·'.repeat(BAR_CELLS - full)
}

function drawTotals({ totals, byStatus }: FleetAnswer): string[] {
  const { servers, serversActive, devices, connected, load, capacity, utilisation } = totals
  const statuses = Object.entries(byStatus).filter(([, count]) => count > 0)
  return [
    `${counted(servers, 'server')}, ${serversActive} active   ${counted(devices, 'device')}, ` +
      `${connected} connected   load ${load} of ${capacity} (${utilisation} %)`,
    statuses.map(([status, count]) => `${count} ${status.replace('_', ' ')}`).join(', ') || 'no devices yet',
  ]
}

function drawChurn({ churn }: FleetAnswer): Line {
  const { Conflicts = 0, ...others } = churn.counts
  const conflicts = painted(Conflicts === 0 ? 'green' : ['red', 'bold'], `conflicts ${Conflicts}`)
  const moved = Object.entries(others).filter(([, count]) => count > 0)
  const counts = moved.map(([metric, count]) => `, ${inWords(metric)} ${Math.round(10 * count) / 10}`)
  return [`Last ${churn.minutes} minutes: `, conflicts, ...counts]
}

/** `PermitsRefused` is `permits refused`. */
function inWords(metric: string): string {
  return metric.replaceAll(/(?!^)([A-Z])/g, ' $1').toLowerCase()
}

export function drawRebalancing(rebalancing: FleetAnswer['rebalancing']): string {
  const { state, why, spreadPercent, bandPercent, movedInWindow, budgetInWindow, inFlight } = rebalancing
  const most = budgetInWindow === undefined ? '' : ` of at most ${budgetInWindow}`
  const moves =
    movedInWindow + inFlight > 0 ? `; ${movedInWindow}${most} moved recently, ${inFlight} under way` : ''
  return plain(`Rebalancing ${state}: ${why} (spread ${spreadPercent} %, band ${bandPercent} %)${moves}`)
}

function drawTroubles(fleet: FleetAnswer): Line[] {
  const { conflicted, quarantined, conflictsLately, duplicates, sweep } = fleet
  const nowMs = Date.parse(fleet.at)
  const notConnecting = (what: string, devices: FleetAnswer['conflicted']) =>
    devices.map(({ deviceId, since, statusReason }) => {
      const why = statusReason ? `: ${plain(statusReason)}` : ''
      return `${what} for ${age(Date.parse(since), nowMs)}: ${deviceId}${why}`
    })
  const withConflicts = conflictsLately.devices.map(({ deviceId, conflicts, lastAt, serverName }) => {
    const last = `the last ${age(Date.parse(lastAt), nowMs)} ago on server "${plain(serverName)}"`
    return `${counted(conflicts, 'conflict')} in ${conflictsLately.hours} hours: ${deviceId}, ${last}`
  })
  const usedTwice = [...duplicates.names, ...duplicates.urls].map(
    ({ value, serverIds }) => `Used by ${serverIds.length} servers at once: ${plain(value)}`,
  )
  const { ageSeconds = Number.POSITIVE_INFINITY } = sweep
  const sinceSweep = sweep.ageSeconds === undefined ? 'a week' : span(ageSeconds * 1000)
  const unswept = `No sweep has looked for ${sinceSweep}: no silent server is buried, no device placed`
  const shown = [
    notConnecting('Conflicted', conflicted),
    notConnecting('Quarantined', quarantined),
    withConflicts,
  ].flatMap((lines) => few(lines, TROUBLES_SHOWN_MAX, ': --json shows all'))
  return [...shown, ...usedTwice, ...(ageSeconds > SWEEP_SECONDS_MAX ? [unswept] : [])].map((line) =>
    painted('red', line),
  )
}

/** The fleet where there is no terminal to draw on. */
export function fleetInOneLine({ at, totals, churn }: FleetAnswer): string {
  const { serversActive, servers, devices, connected, utilisation } = totals
  const conflicts = counted(churn.counts.Conflicts ?? 0, 'conflict')
  const moves = counted(churn.counts.Moves ?? 0, 'move')
  return [
    at,
    `${serversActive} of ${counted(servers, 'server')} active`,
    `${connected} of ${counted(devices, 'device')} connected`,
    `${utilisation} % used`,
    `${conflicts} and ${moves} in ${churn.minutes} minutes`,
  ].join('  ')
}
