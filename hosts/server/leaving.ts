/** Releases every device of a server that leaves. Devices go in waves: the next device goes when one before
 *  it has settled elsewhere. So the rest of the fleet is not stampeded, and most devices keep their socket
 *  until it is their turn. */
import { type Mark, sleep } from '../../core/clock.ts'
import type { DeviceId, ServerId } from '../../core/ids.ts'
import { inParallel, LANES } from '../../core/parallel.ts'
import { setOut } from '../../core/protocol/membership.ts'
import { jittered, retry } from '../../core/retry.ts'
import { hasSettled } from '../../core/store/device-row.ts'
import type { DeviceConnection } from '../device/connection.ts'
import type { HostWorld } from '../world.ts'

/** A device that has not settled elsewhere within this gives up its lane. */
const SETTLE_MS_MAX = 4000
const SETTLE_LOOK_MS = 250
/** A device that has no owner for this long finds no room, and waiting for the others is of no use either. A
 *  first placement may have to wait for its Lambda to start. */
const PLACED_MS_MAX = 2000
/** The part of the time of a stop that may be spent on waiting. The rest is enough to release all other
 *  devices at once. */
const PATIENT_MS_MAX = 60_000
const TRIES_MAX = 6
const BACKOFF = { baseMs: 250, capMs: 2000 }

type LeavingWorld = Pick<HostWorld, 'store' | 'clock' | 'random' | 'telemetry'>

/** The devices of the server that leaves. */
export interface Holdings {
  readonly serverId: ServerId
  readonly name: string
  /** Takes up the devices that the store lists for this server. */
  list(): Promise<void>
  connections(): readonly Pick<DeviceConnection, 'deviceId' | 'leave' | 'ended'>[]
}

/** Releases every device.
 *  @throws when the store stays out of reach until the tries are used up: the devices must then be evicted */
export async function releaseEverything(world: LeavingWorld, holdings: Holdings): Promise<void> {
  const { serverId, name } = holdings
  await insist(world, () => setOut(world.store, serverId))
  world.telemetry.emit('server.draining', { serverId, name, devices: holdings.connections().length })
  const patience = createPatience(world)
  // Two rounds: a claim that was reserved before the drain may arrive while the first devices go.
  for (let round = 0; round < 2; round++) {
    await insist(world, holdings.list)
    await inParallel(holdings.connections(), LANES, async (connection) => {
      connection.leave()
      const { released } = await connection.ended
      if (released) await settledElsewhere(world, serverId, connection.deviceId, patience)
    })
  }
}

interface Patience {
  isLeft(): boolean
  lose(): void
}

function createPatience({ clock }: LeavingWorld): Patience {
  const begun: Mark = clock.mark()
  let isLost = false
  return {
    isLeft: () => !isLost && clock.elapsedMs(begun) < PATIENT_MS_MAX,
    lose() {
      isLost = true
    },
  }
}

/** Resolves when the device has settled on another server, or when waiting is over. */
async function settledElsewhere(
  world: LeavingWorld,
  me: ServerId,
  deviceId: DeviceId,
  patience: Patience,
): Promise<void> {
  const begun = world.clock.mark()
  while (patience.isLeft() && world.clock.elapsedMs(begun) < SETTLE_MS_MAX) {
    // Waiting is a courtesy to the other devices, so a failed read is simply repeated.
    const row = await world.store.get('Devices', { deviceId }).catch(() => 'unread' as const)
    if (row !== 'unread') {
      if (row?.desired !== 'running' || (row.owner !== undefined && row.owner !== me && hasSettled(row)))
        return
      if (row.owner === undefined && world.clock.elapsedMs(begun) >= PLACED_MS_MAX) patience.lose()
    }
    await sleep(world.clock, SETTLE_LOOK_MS * (0.5 + world.random.fraction()))
  }
}

/** Tries again: a failed request must not turn a leave into evictions. Each eviction costs a lease. */
function insist({ clock, random }: LeavingWorld, work: () => Promise<void>): Promise<void> {
  return retry(work, { clock, waitMs: jittered(random, BACKOFF), triesMax: TRIES_MAX })
}
