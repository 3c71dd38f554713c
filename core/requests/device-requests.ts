/** What an operator asks of a device, each one conditional write on its row. The owner is told afterwards by raising its
 *  `assignmentSeq` (see `notify` in core/placement/notify.ts); a device without an owner is settled here. */
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

/** Wants the device connected; also ends what `conflicted`, `logged_out`, a quarantine, a stop and a wait by WhatsApp left
 *  behind. */
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

/** Wants the device's socket closed; its credentials stay. */
export function stop(store: Store, clock: Clock, id: DeviceId, why: string): Promise<DeviceRow> {
  const unwanted = { desired: 'stopped', statusReason: why } as const
  return write(store, clock, id, {
    unowned: { set: { ...unwanted, status: 'stopped' }, remove: ['unassignedShard', 'unassignedSince'] },
    owned: { set: unwanted },
  })
}

/** Wants the socket closed and opened again. @throws MooringError DEVICE_NOT_RUNNING when it is stopped |
 *  DEVICE_QUARANTINED */
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

/** Wants the device unlinked at WhatsApp and its credentials archived. Without an owner there is no socket to tell
 *  WhatsApp with: the phone shows the linked device until it is removed there. */
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

/** Wants the device gone. The row goes only while it has no owner: see `erase`. */
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

/** Removes a device that is being deleted and has no owner: first what it left behind, then its row, so that a crash
 *  in between is finished by the next try.
 *  @returns false when it still has an owner, or is not being deleted */
export async function erase(store: Store, id: DeviceId): Promise<boolean> {
  const row = await store.get('Devices', { deviceId: id })
  if (!row) return true
  if (row.owner || !row.deleting) return false
  const items = await queryAll(store, 'AuthState', { partition: id })
  const entries = await queryAll(store, 'History', { partition: id })
  // Another call may have erased it meanwhile, and an operator registered it anew: then these are the new one's.
  const present = await store.get('Devices', { deviceId: id })
  if (present?.credentialsId !== row.credentialsId) return present === undefined
  for (const { key } of items) await store.remove('AuthState', { deviceId: id, key })
  for (const { at } of entries) await store.remove('History', { deviceId: id, at })
  const removed = await store.remove('Devices', { deviceId: id }, [unowned, device.equals('deleting', true)])
  // Refused also when somebody else has removed it in between.
  return removed || (await store.get('Devices', { deviceId: id })) === undefined
}

/** Wants an 8-character pairing code for the phone; the owner answers in `pairing` under the same `requestId`.
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
  /** Who owned it when it was read; absent when nobody did. */
  readonly from: ServerId | undefined
  readonly to: ServerId | 'any'
  /** The operation that asks. */
  readonly moveId?: string
  /** For people, in its history. */
  readonly why: string
  /** Refused when somebody has asked it to move already. */
  readonly unlessAsked?: boolean
}

/** Asks the owner to let go, so that placement can choose `to`; without an owner, placement only learns what to prefer.
 *  Nothing takes a device from a live server.
 *  @returns undefined when `from` does not own it any more, or it is quarantined or not wanted running */
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

/** Takes back what an operation asked for, while its device has not been let go.
 *  @returns false when there is nothing to take back: it was let go, or somebody else has asked since */
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

/** Ends what is left to do for a stopped device that has lost its owner: it waits for no server, and a logout that its
 *  owner did not live to see is finished here. */
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

type Wish = Pick<Change<DeviceRow>, 'set' | 'remove'> & { evenDeleting?: boolean }

/** Whether a device has an owner can change between a read and a write, so each wish is one conditional write per case,
 *  tried in turn. */
async function write(
  store: Store,
  clock: Clock,
  id: DeviceId,
  wish: { unowned: Wish; owned: Wish },
): Promise<DeviceRow> {
  const cases = [
    { ...wish.unowned, condition: unowned },
    { ...wish.owned, condition: device.present('owner') },
    { ...wish.unowned, condition: unowned },
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

/** No server has it, so that a wish of a server would wait for nobody. */
export function quarantined(id: DeviceId): MooringError {
  return new MooringError('DEVICE_QUARANTINED', `device ${id} is quarantined; start it first`)
}

function refusal(row: DeviceRow, wish: string): MooringError {
  if (row.deleting) return new MooringError('DEVICE_BEING_DELETED', `device ${row.deviceId} is being deleted`)
  if (row.importing && wish === 'change') {
    return new MooringError(
      'DEVICE_BEING_IMPORTED',
      `device ${row.deviceId} has only a part of its credentials: run its import again, or delete it`,
    )
  }
  if (row.desired === 'stopped') {
    return new MooringError('DEVICE_NOT_RUNNING', `device ${row.deviceId} is stopped; start it first`)
  }
  if (row.quarantinedAt !== undefined && wish !== 'change') return quarantined(row.deviceId)
  if (wish === 'pair') {
    return new MooringError('ALREADY_PAIRED', `device ${row.deviceId} is paired; log it out to pair it anew`)
  }
  return new MooringError('STORE_BUSY', `device ${row.deviceId} changed hands again and again; try again`)
}
