/** Why a device is not connected, in words for the operator. Pure: it reads rows and decides nothing. */
import type { DeviceRow } from '../../core/device.ts'
import { isLive, type ServerRow } from '../../core/server.ts'

/** @param owner the row of the device's owner, if it has one and it is known
 *  @param hasRoom whether some active server has room; undefined when nobody looked
 *  @returns undefined when it is connected */
export function explain(
  row: DeviceRow,
  owner: ServerRow | undefined,
  hasRoom: boolean | undefined,
): string | undefined {
  if (row.deleting) {
    return row.owner
      ? 'it is being deleted: its server closes it and lets go'
      : 'it is being deleted: what it left behind is removed'
  }
  if (row.owner && owner && !isLive(owner)) {
    return `its server ${owner.name} is gone; the next look of the sweep moves it to another`
  }
  if (row.desired === 'stopped') return whyStopped(row)
  if (row.moveTo && row.owner)
    return `its server is asked to let go, so that it can move to ${row.moveTo === 'any' ? 'another server' : row.moveTo}`
  return whyByStatus(row, owner?.name ?? row.owner, hasRoom)
}

function whyStopped(row: DeviceRow): string {
  const because = row.statusReason ? `: ${row.statusReason}` : ''
  if (row.importing)
    return 'its credentials are being imported; should that have ended early, run the import again'
  if (row.owner) return `it is wanted stopped${because}; its server closes it`
  if (row.status === 'conflicted') return `it is stopped${because}; end the other client, then start it`
  if (row.status === 'logged_out') return `it is logged out${because}; start it to link it anew`
  return `it is stopped${because}; start it to connect it`
}

function whyByStatus(row: DeviceRow, server: string | undefined, hasRoom: boolean | undefined) {
  const because = row.statusReason ? `: ${row.statusReason}` : ''
  switch (row.status) {
    case 'connected':
      return undefined
    case 'unassigned':
      return hasRoom === false
        ? 'no active server has room; it gets one as soon as there is room'
        : 'it waits for a server; the next look of the sweep gives it one that has room'
    case 'assigned':
      return `server ${server} has it and is about to connect it`
    case 'pairing':
      return 'it waits to be linked: scan its QR code, or ask for a pairing code'
    case 'connecting':
      return `server ${server} is connecting it`
    case 'disconnected':
      return `server ${server} lost its socket and tries again${because}`
    default:
      return `it is ${row.status.replace('_', ' ')}${because}`
  }
}
