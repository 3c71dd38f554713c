/** How a server leaves: its devices go in waves, each as soon as one before it has settled elsewhere, so that the rest of
 *  the fleet is not stampeded and most devices keep their socket until it is their turn. */
import { type Mark, sleep } from '../../core/clock.ts'
import type { DeviceId, ServerId } from '../../core/ids.ts'
import { inParallel, LANES } from '../../core/parallel.ts'
import { setOut } from '../../core/protocol/membership.ts'
import { jittered, retry } from '../../core/retry.ts'
import { hasSettled } from '../../core/store/device-row.ts'
import type { DeviceConnection } from '../device/connection.ts'
import type { HostWorld } from '../world.ts'

/** A device that has not settled elsewhere by then keeps its lane no longer. */
const SETTLE_MS_MAX = 4000
const SETTLE_LOOK_MS = 250
/** A device without any server for this long finds no room: then waiting helps nobody. A first placement may have to wait
 *  for its Lambda to start. */
const PLACED_MS_MAX = 2000
/** Of the time that a stop may take. What is left is enough to let go of all the others without waiting. */
const PATIENT_MS_MAX = 60_000
const TRIES_MAX = 6
const BACKOFF = { baseMs: 250, capMs: 2000 }

type LeavingWorld = Pick<HostWorld, 'store' | 'clock' | 'random' | 'telemetry'>

/** What the server that leaves has. */
export interface Holdings {
  readonly serverId: ServerId
  readonly name: string
  /** Takes up what the store lists for this server. */
  list(): Promise<void>
  connections(): readonly Pick<DeviceConnection, 'deviceId' | 'leave' | 'ended'>[]
}

/** Lets every device go. @throws when the store cannot be reached for so long that the devices must be evicted */
export async function letEverythingGo(world: LeavingWorld, holdings: Holdings): Promise<void> {
  const { serverId, name } = holdings
  await insist(world, () => setOut(world.store, serverId))
  world.telemetry.emit('server.draining', { serverId, name, devices: holdings.connections().length })
  const patience = createPatience(world)
  // Twice: a claim that was reserved before the drain may arrive while the first devices go.
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

/** Resolves when another server has the device and has done for it what it can, or when waiting is over. */
async function settledElsewhere(
  world: LeavingWorld,
  me: ServerId,
  deviceId: DeviceId,
  patience: Patience,
): Promise<void> {
  const begun = world.clock.mark()
  while (patience.isLeft() && world.clock.elapsedMs(begun) < SETTLE_MS_MAX) {
    // Only a courtesy to the others: what cannot be read is looked for again.
    const row = await world.store.get('Devices', { deviceId }).catch(() => 'unread' as const)
    if (row !== 'unread') {
      if (row?.desired !== 'running' || (row.owner !== undefined && row.owner !== me && hasSettled(row)))
        return
      if (row.owner === undefined && world.clock.elapsedMs(begun) >= PLACED_MS_MAX) patience.lose()
    }
    await sleep(world.clock, SETTLE_LOOK_MS * (0.5 + world.random.fraction()))
  }
}

/** A request that fails must not turn a leave into evictions, each of which costs a lease. */
function insist({ clock, random }: LeavingWorld, work: () => Promise<void>): Promise<void> {
  return retry(work, { clock, waitMs: jittered(random, BACKOFF), triesMax: TRIES_MAX })
}
