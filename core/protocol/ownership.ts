/**
 * The ownership protocol, for devices: which server may connect a device. membership.ts is its other half,
 * for servers. Each function is one operation of docs/protocol.md: ONE conditional write on ONE item,
 * with its condition in `when`. Nothing else in Mooring writes `owner` or `epoch`. Lambdas and hosts call it.
 * It must never decide from an index read or from a wall clock.
 */
import type { Clock } from '../clock.ts'
import { MooringError } from '../errors.ts'
import { type DeviceId, type Epoch, epoch, type ServerId } from '../ids.ts'
import { type DeviceRow, type DeviceStatus, type OwnedDevice, unassignedShard } from '../store/device-row.ts'
import type { ServerRow } from '../store/server-row.ts'
import { type Change, type Store, when } from '../store/store.ts'
import { unreserve } from './membership.ts'
import { PROBATION_POINTS } from './suspicion.ts'

const device = when<DeviceRow>()

/** Attributes that a device has only while it has an owner. */
const ONLY_WHILE_OWNED = ['owner', 'claimId', 'pairing', 'pairingRequestId', 'retryAt'] as const
/** Attributes that a device loses with its credentials. The credentials are archived: they stay in the
 *  auth state under their old `credentialsId`. */
export const LOGGED_OUT = [
  'logout',
  'account',
  'pairedAt',
  'importBatch',
  'importEpoch',
  'pairingCodeRequest',
  'refusedUntil',
  'refusal',
] as const

export interface Registration
  extends Pick<
    DeviceRow,
    'deviceId' | 'name' | 'credentialsId' | 'home' | 'importing' | 'importBatch' | 'importEpoch'
  > {
  /** Why the device is registered as stopped. Left out, it is wanted running. */
  readonly stoppedBecause?: string
}

/** Puts the device, unassigned, with epoch 0.
 *  @returns false when there is such a device already. Its row stays as it is */
export function register(store: Store, clock: Clock, wanted: Registration): Promise<boolean> {
  const { deviceId: id, stoppedBecause, ...given } = wanted
  const now = clock.wallMs()
  const initialState =
    stoppedBecause === undefined
      ? ({ desired: 'running', status: 'unassigned' } as const)
      : ({ desired: 'stopped', status: 'stopped', statusReason: stoppedBecause } as const)
  const row: DeviceRow = {
    deviceId: id,
    ...given,
    ...initialState,
    epoch: epoch(0),
    createdAt: now,
    updatedAt: now,
    ...(stoppedBecause === undefined ? { unassignedShard: unassignedShard(id), unassignedSince: now } : {}),
  }
  return store.put('Devices', row, [device.absent('deviceId')])
}

export interface Claim {
  readonly device: DeviceId
  readonly server: Pick<ServerRow, 'serverId' | 'name'>
  /** New for each claim. A caller whose answer was lost recognises its own claim by it. */
  readonly claimId: string
  /** Whether the device keeps its `home`. It loses `home` when it has arrived there. */
  readonly keepHome: boolean
  /** Whether the device was asked to move. Rebalancing then does not move it for a day. */
  readonly moved: boolean
}

/** Makes `server` the owner. No other write makes an owner, and the condition lets exactly one caller win.
 *  The caller has reserved room on the server before.
 *  @throws MooringError ALREADY_OWNED | NOT_WANTED (stopped, being deleted or quarantined) |
 *  DEVICE_NOT_FOUND */
export async function claim(store: Store, clock: Clock, claim: Claim): Promise<OwnedDevice> {
  const now = clock.wallMs()
  const claimed = await store.update(
    'Devices',
    { deviceId: claim.device },
    {
      set: {
        owner: claim.server.serverId,
        claimId: claim.claimId,
        status: 'assigned',
        assignedAt: now,
        movedAt: claim.moved ? now : undefined,
        updatedAt: now,
      },
      remove: [
        'unassignedShard',
        'unassignedSince',
        'moveTo',
        'movedFrom',
        'moveId',
        'moveReason',
        'statusReason',
        ...(claim.keepHome ? [] : (['home'] as const)),
      ],
      when: [
        device.absent('owner'),
        device.equals('desired', 'running'),
        device.absent('deleting'),
        device.absent('quarantinedAt'),
      ],
    },
  )
  if (claimed) return claimed as OwnedDevice
  const row = await readDevice(store, claim.device)
  if (row.owner === claim.server.serverId && row.claimId === claim.claimId) return row as OwnedDevice
  if (row.owner) {
    throw new MooringError('ALREADY_OWNED', `device "${row.deviceId}" is owned by server "${row.owner}"`, {
      owner: row.owner,
    })
  }
  const is = row.deleting ? 'being deleted' : row.desired === 'stopped' ? 'stopped' : 'quarantined'
  throw new MooringError('NOT_WANTED', `device "${row.deviceId}" is ${is}`)
}

export interface Permit {
  readonly epoch: Epoch
  readonly row: OwnedDevice
}

/** Proves the ownership and raises the epoch, in one write, before EVERY connect. The same write puts the
 *  device in probation, so that the row tells of it if the server dies now: see suspicion.ts. It also honours
 *  a time that WhatsApp has set. The wall clock will do for that, since nothing about ownership is decided.
 *  @param suspicion the points of the device so far
 *  @param overRefusedUntil the `refusedUntil` of the row, if it does not hold for this server
 *  @throws MooringError NOT_OWNER (another server owns it, or none) | NOT_WANTED (stopped, deleted or to be
 *  moved) | LOGIN_REFUSED (WhatsApp lets it log in later). The caller must not connect */
export async function permit(
  store: Store,
  clock: Clock,
  id: DeviceId,
  me: ServerId,
  suspicion = 0,
  overRefusedUntil?: number,
): Promise<Permit> {
  const now = clock.wallMs()
  const row = await store.update(
    'Devices',
    { deviceId: id },
    {
      add: { epoch: 1 },
      set: { status: 'connecting', suspicion: suspicion + PROBATION_POINTS, updatedAt: now },
      remove: ['statusReason', 'retryAt', 'refusedUntil', 'refusal', 'pairing', 'pairingRequestId'],
      when: [
        device.equals('owner', me),
        device.equals('desired', 'running'),
        device.absent('moveTo'),
        device.any(
          device.absent('refusedUntil'),
          device.atMost('refusedUntil', now),
          ...(overRefusedUntil === undefined ? [] : [device.equals('refusedUntil', overRefusedUntil)]),
        ),
      ],
    },
  )
  if (row) return { epoch: epoch(row.epoch), row: row as OwnedDevice }
  const present = await store.get('Devices', { deviceId: id })
  if (present?.owner !== me) {
    const server = present?.owner && `server "${present.owner}"`
    const owner = server ?? (present ? 'nobody' : 'nobody, it was deleted')
    throw new MooringError('NOT_OWNER', `device "${id}" is owned by ${owner}`, { owner: present?.owner })
  }
  if (present.desired === 'running' && !present.moveTo) {
    throw new MooringError('LOGIN_REFUSED', `device "${id}" may not log in yet: ${present.refusal?.why}`)
  }
  const to = present.moveTo === 'any' ? 'another server' : `server "${present.moveTo}"`
  const why = present.moveTo ? `is asked to move to ${to}` : 'is wanted stopped'
  throw new MooringError('NOT_WANTED', `device "${id}" ${why}`, { moveTo: present.moveTo })
}

/** Names one socket: its device, the server that opened it, and its epoch. */
export interface SocketIdentity {
  readonly device: DeviceId
  readonly server: ServerId
  readonly epoch: Epoch
}

type Reported = Pick<Change<DeviceRow>, 'set' | 'remove'>

/** Writes what the socket's server knows of the device.
 *  @throws MooringError NOT_OWNER when the device has another owner, or a newer socket */
export async function report(
  store: Store,
  clock: Clock,
  me: SocketIdentity,
  said: Reported,
): Promise<OwnedDevice> {
  const row = await store.update(
    'Devices',
    { deviceId: me.device },
    {
      ...said,
      set: { ...said.set, updatedAt: clock.wallMs() },
      when: [device.equals('owner', me.server), device.equals('epoch', me.epoch)],
    },
  )
  if (row) return row as OwnedDevice
  throw new MooringError(
    'NOT_OWNER',
    `server "${me.server}" does not hold device "${me.device}" under epoch ${me.epoch}`,
  )
}

export interface Release extends SocketIdentity {
  readonly status: Extract<DeviceStatus, 'unassigned' | 'stopped' | 'conflicted' | 'logged_out'>
  readonly statusReason?: string
  /** Whether the device becomes `stopped`: WhatsApp, or a client outside the fleet, does not let it run. */
  readonly noLongerWanted?: boolean
  /** The device's new `credentialsId`, after a logout. */
  readonly freshCredentialsId?: string
  /** The server name to return to. Absent when the device is moved on purpose. */
  readonly homeName?: string
  /** When its socket was closed, if the device was connected until then. */
  readonly disconnectedAt?: number
  /** The points that the device keeps; see suspicion.ts. */
  readonly suspicion?: number
}

/** Gives the device up, after its socket is closed.
 *  @returns false when the server did not own the device any more, after an eviction or an earlier try */
export async function release(store: Store, clock: Clock, me: Release): Promise<boolean> {
  const now = clock.wallMs()
  const released = await store.update(
    'Devices',
    { deviceId: me.device },
    {
      // Ends this epoch. A report or a release that is still on its way must not pass when this server owns
      // the device again.
      add: { epoch: 1 },
      set: {
        status: me.status,
        statusReason: me.statusReason,
        desired: me.noLongerWanted ? 'stopped' : undefined,
        credentialsId: me.freshCredentialsId,
        home: me.homeName === undefined ? undefined : { name: me.homeName, since: now },
        unassignedShard: unassignedShard(me.device),
        unassignedSince: now,
        disconnectedAt: me.disconnectedAt,
        suspicion: me.suspicion || undefined,
        updatedAt: now,
      },
      remove: [
        ...ONLY_WHILE_OWNED,
        ...(me.suspicion ? [] : (['suspicion'] as const)),
        ...(me.homeName ? [] : (['home'] as const)),
        ...(me.freshCredentialsId === undefined ? [] : LOGGED_OUT),
      ],
      when: [device.equals('owner', me.server), device.equals('epoch', me.epoch)],
    },
  )
  if (!released) return false
  await unreserve(store, me.server, 1)
  return true
}

/** The verdict of an eviction on its device, and the row that was read for it. */
export interface Judged {
  /** From the judged row. The condition refuses the eviction when either attribute has changed since. */
  readonly seen: Pick<DeviceRow, 'status' | 'suspicion'>
  readonly suspicion: number
  /** Why the device is quarantined. It then gets no server until an operator starts it. */
  readonly quarantinedBecause?: string
}

/** Takes the device from a server that a consistent read has shown as `dead` or `stopped`. Both states are
 *  final and no `serverId` is used twice, so that read may be of any age.
 *  @returns false when the device has another owner or none, or has changed since it was judged */
export async function evict(
  store: Store,
  clock: Clock,
  id: DeviceId,
  gone: Pick<ServerRow, 'serverId' | 'name'>,
  judged?: Judged,
) {
  const now = clock.wallMs()
  const why = judged?.quarantinedBecause
  const waits = { status: 'unassigned', unassignedShard: unassignedShard(id), unassignedSince: now } as const
  const evicted = await store.update(
    'Devices',
    { deviceId: id },
    {
      set: {
        ...(why === undefined ? waits : { status: 'quarantined', quarantinedAt: now }),
        statusReason: why ?? `its server "${gone.name}" is gone`,
        home: { name: gone.name, since: now },
        disconnectedAt: now,
        suspicion: judged?.suspicion || undefined,
        updatedAt: now,
      },
      remove: [...ONLY_WHILE_OWNED, ...(judged?.suspicion ? [] : (['suspicion'] as const))],
      when: [
        device.equals('owner', gone.serverId),
        ...(judged ? asSeen(judged.seen) : []),
        // Placement finishes a stop or a deletion that was requested meanwhile, and it lists no device in
        // quarantine.
        ...(why === undefined ? [] : [device.equals('desired', 'running')]),
      ],
    },
  )
  return evicted !== undefined
}

function asSeen({ status, suspicion }: Judged['seen']) {
  const points = suspicion === undefined ? device.absent('suspicion') : device.equals('suspicion', suspicion)
  return [device.equals('status', status), points]
}

/** A consistent read. @throws MooringError DEVICE_NOT_FOUND */
export async function readDevice(store: Store, id: DeviceId): Promise<DeviceRow> {
  const row = await store.get('Devices', { deviceId: id })
  if (!row) throw new MooringError('DEVICE_NOT_FOUND', `there is no device "${id}"`)
  return row
}
