/** The invariants of docs/protocol.md that a single write can break: who owns a device, from whom it may be
 *  taken, epochs, room and names. Each write is judged at the instant at which the store applies it. */
import type { DeviceRow } from '../../core/store/device-row.ts'
import { asServer, type ServerItem, type ServerRow } from '../../core/store/server-row.ts'
import type { Memory, Write } from './memory-store.ts'

export type Accuse = (invariant: string, why: string) => void

export interface RoomFigures {
  /** A count found more devices on a server than it has room for, because an `unreserve` had been applied
   *  twice. */
  overbooked: number
}

export function judgeWrites(memory: () => Memory, accuse: Accuse) {
  const figures: RoomFigures = { overbooked: 0 }
  const serverOf = (id: string | undefined) =>
    id === undefined
      ? undefined
      : memory()
          .rows('Servers')
          .find((row) => row.serverId === id)

  function device({ before, after, by }: { before?: DeviceRow; after?: DeviceRow; by: string }): void {
    const id = (after ?? before)?.deviceId
    if (before?.owner && after?.owner && before.owner !== after.owner) {
      accuse('3 owner changes only through none', `${id} went from ${before.owner} to ${after.owner}`)
    }
    if (before && after && after.epoch < before.epoch) {
      accuse('4 epochs only rise', `${id} went from epoch ${before.epoch} to ${after.epoch}`)
    }
    if (before?.owner && after?.owner !== before.owner && by !== before.owner) taken(before, by)
    if (before && !after && before.owner)
      accuse('5 evicted only from the gone', `${id} was erased while owned`)
  }

  /** A process other than the owner took the device from the owner. */
  function taken({ deviceId, owner }: DeviceRow, by: string): void {
    const server = asServer(serverOf(owner))
    if (!server || server.state === 'dead' || server.state === 'stopped') return
    accuse('5 evicted only from the gone', `${by} took ${deviceId} from ${owner}, which is ${server.state}`)
  }

  function server({ before, after }: { before?: ServerItem; after?: ServerItem }): void {
    const row = asServer(after)
    if (!row) return
    if (row.load > (before?.load ?? 0) && row.load > row.capacity) {
      // A correction may exceed the capacity, because it tells the truth. A reservation may not.
      const isReservation = row.assignmentSeq !== before?.assignmentSeq
      if (isReservation) accuse('6 never past capacity', `${row.serverId} has ${row.load} of ${row.capacity}`)
      else figures.overbooked += 1
    }
    if (row.load < 0) accuse('6 never past capacity', `${row.serverId} has a load of ${row.load}`)
    if ((before?.state === 'dead' || before?.state === 'stopped') && row.state !== before.state) {
      accuse('dead is final', `${row.serverId} went from ${before.state} to ${row.state}`)
    }
    if (row.state === 'active' && before?.state !== 'active') namesake(row)
  }

  function namesake(row: ServerRow): void {
    const other = memory()
      .rows('Servers')
      .find(
        ({ serverId, state, name, url }) =>
          serverId !== row.serverId &&
          (state === 'active' || state === 'draining') &&
          (name === row.name || url === row.url),
      )
    if (other)
      accuse('a name is one server’s own', `${row.serverId} and ${other.serverId} are both ${row.name}`)
  }

  function written({ table, before, after, by }: Write): void {
    const change = { ...(before ? { before } : {}), ...(after ? { after } : {}), by }
    if (table === 'Devices') device(change as unknown as Parameters<typeof device>[0])
    if (table === 'Servers') server(change as unknown as Parameters<typeof server>[0])
  }
  return { figures, written }
}
