/** The devices that one server owns, as its connections hold them. The rows decide. This part lists them and
 *  takes up each device that a row gives to the server. It passes on what the row of a held device says. */
import type { Clock, Mark } from '../../core/clock.ts'
import type { DeviceId, ServerId } from '../../core/ids.ts'
import type { DeviceRow } from '../../core/store/device-row.ts'
import type { ServerRow } from '../../core/store/server-row.ts'
import { queryAll, type Store } from '../../core/store/store.ts'
import type { Telemetry } from '../../core/telemetry.ts'
import type { DeviceConnection } from '../device/connection.ts'

/** `assignmentSeq` rises before the device is claimed, and `byOwner` shows the claim late. After a change,
 *  list at every beat for this long, or the new device is missed. */
const LIST_AGAIN_MS = 10_000
/** Devices are listed this often even when nothing seems to have changed. */
const LIST_ANYWAY_MS = 30_000
/** The index may show a released device for this long: its owner is read before it is taken up again. */
const RELEASED_RECENTLY_MS = 10_000
/** A device that ends its server mostly does so within this time of its last frame. */
const AT_WORK_MS = 500
/** More suspects than these would not tell the guilty device from the others. */
const SUSPECTS_MAX = 8

export interface OwnedDevices {
  /** Lists the devices if the row says that there may be a new one, or if it is time. */
  acknowledged(row: Pick<ServerRow, 'assignmentSeq'>): void
  /** The doorbell rang: lists now, and at each beat for a while. */
  ring(): void
  /** Takes up what the store lists for this server. @throws when the store fails */
  list(): Promise<void>
  get(device: DeviceId): DeviceConnection | undefined
  connections(): DeviceConnection[]
  count(): number
  connectedCount(): number
  /** The devices that may have caused an error of this moment; undefined when there are too many to tell
   *  anything. */
  atWork(): DeviceId[] | undefined
}

export interface OwnedDevicesOptions {
  readonly world: { readonly store: Store; readonly clock: Clock; readonly telemetry: Telemetry }
  readonly serverId: ServerId
  /** Starts to hold a device. */
  readonly hold: (row: DeviceRow) => DeviceConnection
  /** Whether a listing may begin: without a lease nothing may be taken up. */
  readonly mayList: () => boolean
}

export function createOwnedDevices({ world, serverId, hold, mayList }: OwnedDevicesOptions): OwnedDevices {
  const { store, clock, telemetry } = world
  const held = new Map<DeviceId, DeviceConnection>()
  const releasedAt = new Map<DeviceId, Mark>()
  let seq: number | undefined
  let changedAt: Mark | undefined
  let listedAt: Mark | undefined
  let isListing = false
  let listNext = false

  /** A call during a listing makes another one follow. */
  function listSoon(): void {
    if (isListing) {
      listNext = true
      return
    }
    isListing = true
    list()
      .catch((error: unknown) => telemetry.emit('server.failed', { serverId, error }))
      .finally(() => {
        isListing = false
        if (listNext && mayList()) listSoon()
      })
  }

  async function list(): Promise<void> {
    listNext = false
    const devices = await queryAll(store, 'Devices', { index: 'byOwner', partition: serverId })
    listedAt = clock.mark()
    for (const [deviceId, at] of releasedAt)
      if (clock.elapsedMs(at) >= RELEASED_RECENTLY_MS) releasedAt.delete(deviceId)
    const listed = new Set(devices.map((device) => device.deviceId))
    for (const device of devices) await takeUp(device)
    for (const [deviceId, connection] of held) {
      // Not listed: this server has released it, or the index lags. The row tells which.
      if (listed.has(deviceId)) continue
      const row = await store.get('Devices', { deviceId })
      if (row) connection.notice(row)
    }
  }

  async function takeUp(listed: DeviceRow): Promise<void> {
    const { deviceId } = listed
    const holding = held.get(deviceId)
    if (holding) return holding.notice(listed)
    let row: DeviceRow | undefined = listed
    if (releasedAt.has(deviceId)) {
      row = await store.get('Devices', { deviceId })
      if (row?.owner !== serverId || held.has(deviceId)) return
    }
    const connection = hold(row)
    held.set(deviceId, connection)
    void connection.ended.then(() => {
      held.delete(deviceId)
      releasedAt.set(deviceId, clock.mark())
    })
  }

  return {
    list,
    acknowledged({ assignmentSeq }) {
      if (assignmentSeq !== seq) changedAt = clock.mark()
      seq = assignmentSeq
      const listAgain = changedAt !== undefined && clock.elapsedMs(changedAt) < LIST_AGAIN_MS
      const listAnyway = listedAt === undefined || clock.elapsedMs(listedAt) >= LIST_ANYWAY_MS
      if (listAgain || listAnyway) listSoon()
    },
    ring() {
      changedAt = clock.mark()
      if (mayList()) listSoon()
    },
    get: (device) => held.get(device),
    connections: () => [...held.values()],
    count: () => held.size,
    connectedCount: () => [...held.values()].filter((connection) => connection.isConnected()).length,
    atWork() {
      const active = [...held.values()].filter((connection) => connection.wasActive(AT_WORK_MS))
      return active.length > SUSPECTS_MAX ? undefined : active.map(({ deviceId }) => deviceId)
    },
  }
}
