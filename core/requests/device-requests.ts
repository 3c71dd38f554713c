/**
 * This room writes down what an operator, or the sweep, asks of a device or of a server. The API, the sweep
 * and hosts call it. It never decides who owns a device, and it never takes a device from a live server.
 *
 * This file has the requests on devices, each one conditional write on the device's row. For a device without
 * an owner that write does all. An owner acts when it reads the row: call `notify` in
 * core/placement/notify.ts afterwards, so that it reads it now.
 */
import type { Clock } from '../clock.ts'
import { MooringError } from '../errors.ts'
import type { DeviceId, ServerId } from '../ids.ts'
import { LOGGED_OUT, readDevice } from '../protocol/ownership.ts'
import { type DeviceRow, unassignedShard } from '../store/device-row.ts'
import { type Change, queryAll, type Store, when } from '../store/store.ts'

const device = when<DeviceRow>()
const unowned = device.absent('owner')
const notDeleting = device.absent('deleting')
const notImporting = device.absent('importing')
const notQuarantined = device.absent('quarantinedAt')

/** Asks for the device to be connected. It also clears what `conflicted`, `logged_out`, a quarantine, a stop,
 *  and a refusal of WhatsApp have left in the row. */
export function start(store: Store, clock: Clock, id: DeviceId): Promise<DeviceRow> {
  const wanted = { desired: 'running' } as const
  return write(store, clock, id, {
    unowned: {
      set: {
        ...wanted,
        status: 'unassigned',
        unassignedShard: unassignedShard(id),
        unassignedSince: clock.wallMs(),
      },
      remove: [
        'statusReason',
        'logout',
        'conflicts',
        'suspicion',
        'quarantinedAt',
        'refusedUntil',
        'refusal',
      ],
    },
    owned: { set: wanted, remove: ['logout', 'refusedUntil', 'refusal'] },
  })
}

/** Asks for the device's socket to be closed; its credentials stay. */
export function stop(store: Store, clock: Clock, id: DeviceId, why: string): Promise<DeviceRow> {
  const unwanted = { desired: 'stopped', statusReason: why } as const
  return write(store, clock, id, {
    unowned: { set: { ...unwanted, status: 'stopped' }, remove: ['unassignedShard', 'unassignedSince'] },
    owned: { set: unwanted },
  })
}

/** Asks for the socket to be closed and opened again.
 *  @throws MooringError DEVICE_NOT_RUNNING when the device is stopped | DEVICE_QUARANTINED */
export async function restart(store: Store, clock: Clock, id: DeviceId): Promise<DeviceRow> {
  const row = await store.update(
    'Devices',
    { deviceId: id },
    {
      add: { restarts: 1 },
      set: { updatedAt: clock.wallMs() },
      when: [device.equals('desired', 'running'), notDeleting, notQuarantined],
    },
  )
  if (row) return row
  throw refusal(await readDevice(store, id), 'restart')
}

/** Asks for the device to be unlinked at WhatsApp and its credentials archived. Without an owner there is no
 *  socket that could tell WhatsApp: the phone then shows the linked device until a person removes it
 *  there. */
export function logout(
  store: Store,
  clock: Clock,
  id: DeviceId,
  freshCredentialsId: string,
  why = 'logged out by the operator',
): Promise<DeviceRow> {
  const unwanted = { desired: 'stopped', statusReason: why } as const
  return write(store, clock, id, {
    unowned: {
      set: { ...unwanted, status: 'logged_out', credentialsId: freshCredentialsId },
      remove: ['unassignedShard', 'unassignedSince', ...LOGGED_OUT],
    },
    owned: { set: { ...unwanted, logout: true } },
  })
}

/** Asks for the device to be deleted. Its row is removed once it has no owner: see `erase`. */
export function requestDeletion(store: Store, clock: Clock, id: DeviceId): Promise<DeviceRow> {
  const unwanted = { desired: 'stopped', deleting: true, statusReason: 'being deleted' } as const
  return write(store, clock, id, {
    unowned: {
      set: { ...unwanted, unassignedShard: unassignedShard(id), unassignedSince: clock.wallMs() },
      evenDeleting: true,
    },
    owned: { set: unwanted, evenDeleting: true },
  })
}

/** Removes a device that is being deleted and has no owner. Its row is removed after its auth
 *  state and history, so that the next call finishes the work after a crash in between.
 *  @returns false when the device still has an owner, or is not being deleted */
export async function erase(store: Store, id: DeviceId): Promise<boolean> {
  const row = await store.get('Devices', { deviceId: id })
  if (!row) return true
  if (row.owner || !row.deleting) return false
  const items = await queryAll(store, 'AuthState', { partition: id })
  const entries = await queryAll(store, 'History', { partition: id })
  // Another call may have erased the device in the meantime, and an operator may have registered it again.
  // The items and entries listed here would then belong to the new device.
  const present = await store.get('Devices', { deviceId: id })
  if (present?.credentialsId !== row.credentialsId) return present === undefined
  for (const { key } of items) await store.remove('AuthState', { deviceId: id, key })
  for (const { at } of entries) await store.remove('History', { deviceId: id, at })
  const removed = await store.remove('Devices', { deviceId: id }, [unowned, device.equals('deleting', true)])
  // The removal is also refused when another call has removed the row in between.
  return removed || (await store.get('Devices', { deviceId: id })) === undefined
}

/** Asks for an 8-character pairing code for the phone; the owner answers in `pairing` under the same
 *  `requestId`.
 *  @throws MooringError ALREADY_PAIRED | DEVICE_NOT_RUNNING | DEVICE_QUARANTINED | DEVICE_NOT_FOUND */
export async function requestPairingCode(
  store: Store,
  clock: Clock,
  id: DeviceId,
  request: { phoneNumber: string; requestId: string },
): Promise<DeviceRow> {
  const row = await store.update(
    'Devices',
    { deviceId: id },
    {
      set: { pairingCodeRequest: { ...request, at: clock.wallMs() }, updatedAt: clock.wallMs() },
      when: [device.equals('desired', 'running'), notDeleting, notQuarantined, device.absent('pairedAt')],
    },
  )
  if (row) return row
  throw refusal(await readDevice(store, id), 'pair')
}

export interface Move {
  readonly device: DeviceId
  /** The device's owner when its row was read; undefined when it had none. */
  readonly from: ServerId | undefined
  readonly to: ServerId | 'any'
  /** The operation that asks for the move, if one does. */
  readonly moveId?: string
  /** For people, in the device's history. */
  readonly why: string
  /** Refuses the request when the device is asked to move already. */
  readonly unlessAsked?: boolean
}

/** Asks the owner to release the device, so that placement can choose `to`. A device without an owner needs
 *  no release: placement then reads `to` as its preference.
 *  @returns undefined when `from` is no longer the owner, or the device is quarantined or not wanted
 *  running */
export function requestMove(store: Store, clock: Clock, move: Move): Promise<DeviceRow | undefined> {
  const { from, to, moveId, why, unlessAsked = false } = move
  return store.update(
    'Devices',
    { deviceId: move.device },
    {
      set: { moveTo: to, movedFrom: from, moveId, moveReason: why, updatedAt: clock.wallMs() },
      ...(moveId === undefined ? { remove: ['moveId'] } : {}),
      when: [
        device.present('deviceId'),
        from === undefined ? unowned : device.equals('owner', from),
        device.equals('desired', 'running'),
        notDeleting,
        notQuarantined,
        ...(unlessAsked ? [device.absent('moveTo')] : []),
      ],
    },
  )
}

/** Withdraws the move that an operation has asked for, as long as the owner has not released the device.
 *  @returns false when nothing is left to withdraw: the device was released, or another request has replaced
 *  this one */
export async function withdrawMove(
  store: Store,
  clock: Clock,
  id: DeviceId,
  moveId: string,
): Promise<boolean> {
  const withdrawn = await store.update(
    'Devices',
    { deviceId: id },
    {
      set: { updatedAt: clock.wallMs() },
      remove: ['moveTo', 'movedFrom', 'moveId', 'moveReason'],
      when: [device.present('owner'), device.equals('moveId', moveId)],
    },
  )
  return withdrawn !== undefined
}

/** Finishes the stop of a device that has lost its owner. It waits for a server no longer, and a logout is
 *  finished here when its owner died before it could do so. */
export async function settleStopped(
  store: Store,
  clock: Clock,
  row: DeviceRow,
  freshCredentialsId: string,
): Promise<void> {
  const settled = row.status === 'conflicted' || row.status === 'logged_out'
  const loggedOut = { status: 'logged_out', credentialsId: freshCredentialsId } as const
  await store.update(
    'Devices',
    { deviceId: row.deviceId },
    {
      set: { ...(row.logout ? loggedOut : settled ? {} : { status: 'stopped' }), updatedAt: clock.wallMs() },
      remove: ['unassignedShard', 'unassignedSince', ...(row.logout ? LOGGED_OUT : [])],
      when: [
        unowned,
        device.equals('desired', 'stopped'),
        notDeleting,
        row.logout ? device.equals('logout', true) : device.absent('logout'),
      ],
    },
  )
}

/** The change that a request makes in the row. */
type RequestedChange = Pick<Change<DeviceRow>, 'set' | 'remove'> & { evenDeleting?: boolean }

/** A device can get or lose its owner between a read and a write. So each request is one conditional write
 *  for each of the two cases, tried in turn. */
async function write(
  store: Store,
  clock: Clock,
  id: DeviceId,
  request: { unowned: RequestedChange; owned: RequestedChange },
): Promise<DeviceRow> {
  const cases = [
    { ...request.unowned, condition: unowned },
    { ...request.owned, condition: device.present('owner') },
    { ...request.unowned, condition: unowned },
  ]
  for (const { set, remove, evenDeleting, condition } of cases) {
    const row = await store.update(
      'Devices',
      { deviceId: id },
      {
        set: { ...set, updatedAt: clock.wallMs() },
        ...(remove ? { remove } : {}),
        when: [device.present('deviceId'), condition, ...(evenDeleting ? [] : [notDeleting, notImporting])],
      },
    )
    if (row) return row
  }
  throw refusal(await readDevice(store, id), 'change')
}

/** A quarantined device has no server that could act on the request. */
export function quarantined(id: DeviceId): MooringError {
  return new MooringError('DEVICE_QUARANTINED', `device "${id}" is quarantined; start it first`)
}

/** Why a request was refused, as the row tells it. */
function refusal(row: DeviceRow, request: 'restart' | 'pair' | 'change'): MooringError {
  const named = `device "${row.deviceId}"`
  if (row.deleting) return new MooringError('DEVICE_BEING_DELETED', `${named} is being deleted`)
  if (row.importing && request === 'change') {
    return new MooringError(
      'DEVICE_BEING_IMPORTED',
      `${named} has only a part of its credentials: run its import again, or delete it`,
    )
  }
  if (row.desired === 'stopped') {
    return new MooringError('DEVICE_NOT_RUNNING', `${named} is stopped; start it first`)
  }
  if (row.quarantinedAt !== undefined && request !== 'change') return quarantined(row.deviceId)
  if (request === 'pair') {
    return new MooringError('ALREADY_PAIRED', `${named} is paired; log it out to pair it again`)
  }
  return new MooringError('STORE_BUSY', `${named} kept changing its owner while this request ran; try again`)
}
