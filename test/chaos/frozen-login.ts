/** Forces the one window that no lease closes: a server is frozen in the middle of its logins, beyond the
 *  bury time. It is forced in two ways: by a sudden freeze, and by a network that holds up the last frame of
 *  each login. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { DeviceId } from '../../core/ids.ts'
import type { DeviceRow } from '../../core/store/device-row.ts'
import type { ServerProcess } from '../../local/server-process.ts'
import type { TestFleet } from '../fleet/fleet-under-test.ts'
import { until } from '../fleet/until.ts'
import type { TcpProxy } from './tcp-proxy.ts'
import { serverOf } from './verdict.ts'

export interface Victim {
  readonly process: ServerProcess
  /** The network between the server and WhatsApp. */
  readonly whatsApp: TcpProxy
}

export interface Round {
  readonly devices: number
  /** Logins of the frozen server that replaced the owner's socket. */
  readonly replaced: number
  /** The time from each of these to the owner's next login. */
  readonly healedAfterMs: readonly number[]
  readonly rows: readonly DeviceRow[]
}

const TAKEN_OVER_MS_MAX = 45_000
const EXIT_MS_MAX = 30_000
/** A login that goes on after the freeze ends within this. */
const WATCH_MS = 4000
/** The upgrade and the hello. The third packet is the frame that logs in. */
const PACKETS_BEFORE_LOGIN = 2
const HEALED_MS_MAX = 20_000

/** Closes all sockets, so that all devices log in again, and freezes their server after that time. */
export async function freezeAmongLogins(
  fleet: TestFleet,
  ids: readonly DeviceId[],
  victim: Victim,
  afterMs: number,
): Promise<Round> {
  const before = await fleet.untilConnected(ids)
  closeAll(fleet, before)
  await sleep(afterMs)
  victim.process.signal('SIGSTOP')
  await takenOver(fleet, before)
  const wokenAt = Date.now()
  await wake(victim)
  await sleep(WATCH_MS)
  return outcome(fleet, ids, before, wokenAt)
}

/** Holds up the frame that logs in until another server has taken over, as a network does when it loses
 *  packets. */
export async function holdLogins(fleet: TestFleet, ids: readonly DeviceId[], victim: Victim): Promise<Round> {
  const before = await fleet.untilConnected(ids)
  victim.whatsApp.hold(PACKETS_BEFORE_LOGIN)
  closeAll(fleet, before)
  await until('all logins under way', 20_000, async () => victim.whatsApp.held() >= ids.length)
  victim.process.signal('SIGSTOP')
  await takenOver(fleet, before)
  const releasedAt = Date.now()
  victim.whatsApp.release()
  await until(
    'the stale logins',
    5000,
    async () => staleLogins(fleet, before, releasedAt).length >= ids.length,
  )
  await healed(fleet, ids, releasedAt)
  await wake(victim)
  await sleep(WATCH_MS)
  return outcome(fleet, ids, before, releasedAt)
}

function closeAll(fleet: TestFleet, rows: readonly DeviceRow[]): void {
  for (const { account } of rows) fleet.simulator.breakConnection(account?.jid ?? '', '515')
}

async function takenOver(fleet: TestFleet, before: readonly DeviceRow[]): Promise<void> {
  const ids = before.map(({ deviceId }) => deviceId)
  await until('the devices connected elsewhere', TAKEN_OVER_MS_MAX, async () => {
    const rows = await fleet.devices(ids)
    return rows.every(
      ({ status, owner }) => status === 'connected' && !before.some((old) => old.owner === owner),
    )
  })
}

async function healed(fleet: TestFleet, ids: readonly DeviceId[], sinceMs: number): Promise<void> {
  await until('the owners connected again', HEALED_MS_MAX, async () =>
    (await fleet.devices(ids)).every(
      ({ status, connectedAt = 0 }) => status === 'connected' && connectedAt > sinceMs,
    ),
  )
}

async function wake({ process }: Victim): Promise<void> {
  process.signal('SIGCONT')
  const late = setTimeout(() => process.signal('SIGKILL'), EXIT_MS_MAX)
  await process.exited
  clearTimeout(late)
}

/** Overlaps in which a server logged in again that had lost the devices. */
function staleLogins(fleet: TestFleet, before: readonly DeviceRow[], sinceMs: number) {
  const left = new Set(before.map(({ owner }) => String(owner)))
  return fleet.simulator
    .report()
    .overlaps.filter(({ newer, from }) => left.has(serverOf(newer)) && Date.parse(from) >= sinceMs)
}

async function outcome(
  fleet: TestFleet,
  ids: readonly DeviceId[],
  before: readonly DeviceRow[],
  sinceMs: number,
): Promise<Round> {
  const rows = await fleet.untilConnected(ids)
  const stale = staleLogins(fleet, before, sinceMs)
  const healedAfterMs = stale.flatMap(({ account, from }) => {
    const { connectedAt } = rows.find((row) => row.account?.jid === account) ?? {}
    return connectedAt === undefined ? [] : [connectedAt - Date.parse(from)]
  })
  return { devices: ids.length, replaced: stale.length, healedAfterMs, rows }
}
