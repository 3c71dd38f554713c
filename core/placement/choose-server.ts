/** Chooses the server for a device. Pure: it chooses among rows that were read, and the reserve decides. */

import { pickIndex, type Random } from '../random.ts'
import type { DeviceRow } from '../store/device-row.ts'
import type { ServerRow } from '../store/server-row.ts'

/** Counts the devices that it has placed, besides the `load` that was read. */
export interface ServerChooser {
  /** @returns undefined when no active server has room */
  choose(device: Pick<DeviceRow, 'moveTo' | 'movedFrom' | 'home' | 'suspicion'>): ServerRow | undefined
  /** Call it when the reserve was refused: the row that was read is out of date, or the server is full. */
  exclude(server: ServerRow): void
}

/** From more devices per server than this, each goes to the emptiest server instead of the emptier of two. */
const MASS_DEVICES_PER_SERVER = 1
/** The mean of equal numbers may differ from them by this much. */
const ROUNDING = 1e-9

/** A device prefers the server that it is asked to move to, then the server that has its home's name.
 *  Otherwise the chooser draws two servers at random and takes the one with the lower load / capacity. With
 *  1,000 servers this keeps the fullest within 2 % of the mean: Mitzenmacher, "The Power of Two Choices in
 *  Randomized Load Balancing", 2001. Many devices at once fill the servers evenly. */
export function createServerChooser(
  servers: readonly ServerRow[],
  deviceCount: number,
  random: Random,
): ServerChooser {
  const placed = new Map<string, number>()
  const suspects = new Map<string, number>()
  const open = new Set(servers.filter((server) => server.state === 'active'))
  const loadOf = (server: ServerRow) => server.load + (placed.get(server.serverId) ?? 0)
  const fullness = (server: ServerRow) => loadOf(server) / server.capacity
  const hasRoom = (server: ServerRow) => loadOf(server) < server.capacity
  const emptier = (one: ServerRow, other: ServerRow) => (fullness(other) < fullness(one) ? other : one)
  const isMass = deviceCount > open.size * MASS_DEVICES_PER_SERVER

  const among = (candidates: readonly ServerRow[]): ServerRow | undefined => {
    if (candidates.length === 0) return undefined
    if (isMass) return candidates.reduce(emptier)
    const at = pickIndex(random, candidates.length)
    const first = candidates[at]
    // The second server differs from the first: with few servers, drawing one twice would be no choice.
    const second = candidates[(at + 1 + pickIndex(random, candidates.length - 1)) % candidates.length]
    return first && second && emptier(first, second)
  }

  /** For a move to any server. The server that releases the device is often the emptiest and would get it
   *  back at once, so it is left out. A requested move should leave the fleet more even. So the device
   *  goes to a server that is no fuller than the mean of the others. */
  const elsewhere = (withRoom: readonly ServerRow[], movedFrom: ServerRow['serverId'] | undefined) => {
    const others = withRoom.filter((server) => server.serverId !== movedFrom)
    const mean = others.reduce((sum, server) => sum + fullness(server), 0) / others.length
    return others.filter((server) => fullness(server) <= mean + ROUNDING)
  }

  /** Suspects go to different servers, so that the next death tells them apart. The first suspect that is
   *  asked to move to a certain server goes there. */
  const apart = (withRoom: readonly ServerRow[]) => {
    const suspectsOn = ({ serverId }: ServerRow) => suspects.get(serverId) ?? 0
    const fewest = Math.min(...withRoom.map(suspectsOn))
    return withRoom.filter((server) => suspectsOn(server) === fewest)
  }

  return {
    choose(device) {
      const hasRoomNow = [...open].filter(hasRoom)
      const withRoom = device.suspicion ? apart(hasRoomNow) : hasRoomNow
      const others = device.moveTo === 'any' ? elsewhere(withRoom, device.movedFrom) : []
      const asked = hasRoomNow.find((server) => server.serverId === device.moveTo)
      const meetsSuspect = device.suspicion && asked && suspects.has(asked.serverId)
      const chosen =
        (meetsSuspect ? undefined : asked) ??
        withRoom.find((server) => server.name === device.home?.name) ??
        among(others.length > 0 ? others : withRoom)
      if (chosen) countOne(placed, chosen)
      if (chosen && device.suspicion) countOne(suspects, chosen)
      return chosen
    },
    exclude(server) {
      open.delete(server)
    },
  }
}

function countOne(counts: Map<string, number>, { serverId }: ServerRow): void {
  counts.set(serverId, (counts.get(serverId) ?? 0) + 1)
}
