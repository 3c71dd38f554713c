/** Two hosts that have the device in turn: the second takes over when the first has died. */
import { systemClock } from '../../../core/clock.ts'
import { serverId } from '../../../core/ids.ts'
import { evict } from '../../../core/protocol/ownership.ts'
import type { EventFields } from '../../../core/telemetry.ts'
import { collectTexts, DEVICE, give, type LinkedDevice } from './linked-device.ts'
import { type Death, type MortalHost, startHost } from './mortal-host.ts'

/** Facts for the reader of a failure. */
const FAULTS = ['device.failed', 'device.stale_write_refused', 'device.disconnected']

export interface Takeover {
  /** Runs while no host owns the device: the first has died, and the second does not have it yet. */
  readonly orphaned?: () => Promise<void>
  /** Resolves when the second host goes on: then the request that was on its way is applied. */
  readonly goesOn: () => Promise<void>
}

export interface HostsInTurn {
  readonly first: MortalHost
  /** Texts that either host has handed over. */
  readonly got: readonly string[]
  readonly faults: readonly string[]
  present(): MortalHost
  /** Resolves when the takeover is over, if the first has died. */
  takenOver(): Promise<void>
  end(): void
}

export async function hostsInTurn(
  { simulator, store }: LinkedDevice,
  death: Death | undefined,
  { orphaned = async () => undefined, goesOn }: Takeover,
): Promise<HostsInTurn> {
  const { got, consumer } = collectTexts()
  const faults: string[] = []
  const start = (name: string, dying?: Death) => {
    const failed = (event: string, fields: EventFields | undefined) => {
      if (FAULTS.includes(event)) faults.push(`${name}: ${event} ${causeIn(fields)}`)
    }
    return startHost({ name, device: DEVICE, store, url: simulator.url, consumer, death: dying, failed })
  }

  await give(store, 'server-1')
  const first = start('server-1', death)
  let host = first
  let isOver = false
  const takenOver = first.died.then(async () => {
    if (isOver) return
    await evict(store, systemClock, DEVICE, { serverId: serverId('server-1'), name: 'server-1' })
    await orphaned()
    await give(store, 'server-2')
    host = start('server-2')
    await goesOn()
    await first.applyLate()
  })
  takenOver.catch((error: unknown) => faults.push(String(error)))
  return {
    first,
    got,
    faults,
    present: () => host,
    async takenOver() {
      if (first.isDead()) await takenOver
    },
    end() {
      isOver = true
      first.die()
      host.die()
    },
  }
}

function causeIn({ error, why }: EventFields = {}): unknown {
  return error instanceof Error ? error.stack : (error ?? why)
}
