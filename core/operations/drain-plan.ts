/** Predicts a drain before it begins: which device would go where, in which wave, and for how long it would
 *  be without a socket. Pure. Placement draws servers at random, so the real drain spreads the devices in the
 *  same way, but not to the same servers. */

import type { DeviceId, ServerId } from '../ids.ts'
import { createServerChooser } from '../placement/choose-server.ts'
import type { Random } from '../random.ts'
import type { DeviceRow } from '../store/device-row.ts'
import type { ServerRow } from '../store/server-row.ts'
import type { MoveTimes } from '../telemetry/churn.ts'

/** Without a measured move: closing, release, placement and WhatsApp's handshake, as seen on one machine. */
const SECONDS_ASSUMED = 2
/** With fewer measured moves than this, the assumption is used. */
const MOVES_MEASURED_MIN = 3
/** For a server that was not yet given its share of the fleet's connects. */
const CONNECTS_PER_SECOND_ASSUMED = 5
/** The sweep looks once a second, so it sees this much later that a wave has settled. */
const SECONDS_BETWEEN_WAVES = 1

export interface PlannedMove {
  readonly deviceId: DeviceId
  /** Counted from 1. */
  readonly wave: number
  readonly to: Pick<ServerRow, 'serverId' | 'name'>
  readonly secondsWithoutSocket: number
}

export interface DrainPlan {
  readonly moves: readonly PlannedMove[]
  /** Devices that would stay where they are until a server has room for them. */
  readonly withoutRoom: readonly DeviceId[]
  readonly waves: number
  readonly seconds: number
  /** How long a move takes besides the wait for its turn to connect, and where that number comes from. */
  readonly basis: {
    readonly secondsPerMove: number
    readonly from: 'measured' | 'assumed'
    readonly movesMeasured: number
  }
}

export interface Planned {
  readonly server: ServerRow
  readonly servers: readonly ServerRow[]
  readonly devices: readonly DeviceRow[]
  readonly atOnce: number
  readonly to?: ServerId
  /** The moves of the last minutes. */
  readonly measured: MoveTimes
}

export function planDrain(planned: Planned, random: Random): DrainPlan {
  const { server, devices, atOnce, to, measured } = planned
  const isMeasured = measured.moves >= MOVES_MEASURED_MIN
  const secondsPerMove = isMeasured ? measured.seconds / measured.moves : SECONDS_ASSUMED
  const others = planned.servers.filter(({ serverId }) => serverId !== server.serverId)
  const chooser = createServerChooser(others, 1, random)
  const moves: PlannedMove[] = []
  const withoutRoom: DeviceId[] = []
  const queues = new Map<string, number>()
  for (const { deviceId, home } of devices) {
    const moveTo = to ?? 'any'
    const target = chooser.choose({ moveTo, movedFrom: server.serverId, ...(home ? { home } : {}) })
    if (!target) {
      withoutRoom.push(deviceId)
      continue
    }
    const wave = Math.floor(moves.length / atOnce) + 1
    const queue = `${wave} ${target.serverId}`
    const ahead = queues.get(queue) ?? 0
    queues.set(queue, ahead + 1)
    const secondsWithoutSocket = tenths(secondsPerMove + queueSeconds(target, ahead))
    moves.push({ deviceId, wave, to: { serverId: target.serverId, name: target.name }, secondsWithoutSocket })
  }
  const waves = Math.ceil(moves.length / atOnce)
  return {
    moves,
    withoutRoom,
    waves,
    seconds: tenths(durationOf(moves)),
    basis: {
      secondsPerMove: tenths(secondsPerMove),
      from: isMeasured ? 'measured' : 'assumed',
      movesMeasured: measured.moves,
    },
  }
}

/** How long a connect waits for its turn on its new server. The connects that wait there now go first, then
 *  the devices of its wave that are ahead of it. */
function queueSeconds(target: ServerRow, ahead: number): number {
  const perSecond = target.connectShare ?? CONNECTS_PER_SECOND_ASSUMED
  if (perSecond <= 0) return 0
  return (ahead + (target.waiting ?? 0)) / perSecond
}

/** Waves follow one another. Each lasts as long as its slowest device, and until the sweep has seen it. */
function durationOf(moves: readonly PlannedMove[]): number {
  const slowest = new Map<number, number>()
  for (const { wave, secondsWithoutSocket } of moves) {
    slowest.set(wave, Math.max(slowest.get(wave) ?? 0, secondsWithoutSocket))
  }
  return [...slowest.values()].reduce((sum, seconds) => sum + seconds + SECONDS_BETWEEN_WAVES, 0)
}

function tenths(seconds: number): number {
  return Math.round(seconds * 10) / 10
}
