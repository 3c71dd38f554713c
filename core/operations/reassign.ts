/** The move of one device. Its owner releases it first; then placement puts it on the requested server, or on
 *  another one when that server has no room. Nothing here moves the device: `judgeReassign` tells from the
 *  rows how far the move has come. It is pure, so the API can call it at any time; the sweep writes down how
 *  the move ended. */

import type { ServerId } from '../ids.ts'
import { withdrawMove } from '../requests/device-requests.ts'
import { type DeviceRow, hasSettled, saysToStart } from '../store/device-row.ts'
import type { OperationState, Reassign } from '../store/operation-row.ts'
import { isLive, type ServerRow } from '../store/server-row.ts'
import type { World } from '../world.ts'

/** A move that has not ended within this time is given up, and the request to the owner is withdrawn. The
 *  wall clock will do: this decides about a request, not about ownership. */
export const REASSIGN_MS_MAX = 60_000

export interface MoveStatus {
  readonly state: OperationState
  readonly why: string
}

/** @param device the device's row, if it still exists
 *  @param servers the servers that the operation and the device name, as far as they have rows */
export function judgeReassign(
  operation: Reassign,
  device: DeviceRow | undefined,
  servers: readonly ServerRow[],
  nowMs: number,
): MoveStatus {
  if (operation.state !== 'running') return { state: operation.state, why: operation.why }
  const status = judge(operation, device, servers)
  if (status.state !== 'running' || nowMs - operation.startedAt < REASSIGN_MS_MAX) return status
  const seconds = REASSIGN_MS_MAX / 1000
  return { state: 'timed_out', why: `not within ${seconds} s: ${status.why}` }
}

function judge(
  operation: Reassign,
  device: DeviceRow | undefined,
  servers: readonly ServerRow[],
): MoveStatus {
  if (!device) return refused('the device was deleted')
  if (device.deleting) return refused('the device is being deleted')
  const { owner } = device
  const isReplaced = device.moveTo !== undefined && device.moveId !== operation.operationId
  if (device.desired === 'stopped') return judgeStopped(operation, device, servers)
  if (owner === undefined) {
    if (device.quarantinedAt !== undefined)
      return refused('the device is quarantined; start it before it is moved')
    return isReplaced
      ? replaced(device, servers)
      : running('it was released and waits for a server with room')
  }
  if (owner === operation.from && device.claimId === operation.claimId) {
    return isReplaced ? replaced(device, servers) : waitsForOwner(owner, servers)
  }
  return judgeNewOwner(operation, device, owner, servers)
}

/** The device may have been stopped after its arrival: by its new server, or by an operator. */
function judgeStopped(operation: Reassign, device: DeviceRow, servers: readonly ServerRow[]): MoveStatus {
  const wanted = servers.find(({ serverId }) => serverId === operation.to)
  const restsThere = wanted !== undefined && device.home?.name === wanted.name && !device.owner
  if (hasArrived(operation, device) || restsThere) {
    return done(`it is on ${nameOf(device.owner ?? wanted?.serverId, servers)}, and ${inWords(device)} there`)
  }
  const reason = device.statusReason ?? inWords(device)
  return refused(`the device is ${reason}${saysToStart(reason) ? '' : '; start it before it is moved'}`)
}

function judgeNewOwner(
  operation: Reassign,
  device: DeviceRow,
  owner: ServerId,
  servers: readonly ServerRow[],
): MoveStatus {
  const name = nameOf(owner, servers)
  if (hasArrived(operation, device)) {
    return hasSettled(device)
      ? done(`it is on ${name}, ${inWords(device)}`)
      : running(`it is on ${name}, which connects it`)
  }
  if (operation.to === 'any') return refused(`no other server had room: placement gave it back to ${name}`)
  const wanted = servers.find(({ serverId }) => serverId === operation.to)
  const why = !wanted || !isLive(wanted) ? 'is gone' : 'had no room when the device was released'
  return refused(`placement put it on ${name}, because ${nameOf(operation.to, servers)} ${why}`)
}

function hasArrived({ to, from }: Reassign, { owner }: DeviceRow): boolean {
  return owner !== undefined && (to === 'any' ? owner !== from : owner === to)
}

function waitsForOwner(owner: ServerId, servers: readonly ServerRow[]): MoveStatus {
  const server = servers.find(({ serverId }) => serverId === owner)
  return server && isLive(server)
    ? running(`its server "${server.name}" is asked to release it`)
    : running(`its ${nameOf(owner, servers)} is gone; the sweep takes the device from it`)
}

function replaced({ moveTo }: DeviceRow, servers: readonly ServerRow[]): MoveStatus {
  const to = moveTo === 'any' || moveTo === undefined ? 'any other server' : nameOf(moveTo, servers)
  return refused(`a later request took its place: the device is asked to move to ${to}`)
}

function nameOf(id: ServerId | 'any' | undefined, servers: readonly ServerRow[]): string {
  const name = servers.find(({ serverId }) => serverId === id)?.name
  return name ? `server "${name}"` : `server "${id}"`
}

function inWords({ status }: DeviceRow): string {
  return status === 'pairing' ? 'waiting to be linked' : status.replace('_', ' ')
}

const running = (why: string): MoveStatus => ({ state: 'running', why })
const done = (why: string): MoveStatus => ({ state: 'done', why })
const refused = (why: string): MoveStatus => ({ state: 'refused', why })

/** Takes a look at a move. */
export async function stepReassign(
  world: World,
  servers: readonly ServerRow[],
  row: Reassign,
): Promise<Partial<Reassign> | undefined> {
  const device = await world.store.get('Devices', { deviceId: row.deviceId })
  const { state, why } = judgeReassign(row, device, servers, world.clock.wallMs())
  // Withdraw before the end is written: after a crash in between, the next look withdraws the move again.
  if (state === 'timed_out') await withdrawMove(world.store, world.clock, row.deviceId, row.operationId)
  return state === row.state && why === row.why ? undefined : { state, why }
}
