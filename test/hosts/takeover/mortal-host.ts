/** A host that dies at a request to the store, as a process does. From that instant it reaches neither the
 *  store nor WhatsApp nor the consumer. The connection machine and the client are real; only the store and
 *  the end are the test's. */
import { systemClock } from '../../../core/clock.ts'
import { MooringError } from '../../../core/errors.ts'
import { type DeviceId, serverId } from '../../../core/ids.ts'
import { systemRandom } from '../../../core/random.ts'
import { DEFAULT_SETTINGS } from '../../../core/settings.ts'
import type { Store, Table } from '../../../core/store/store.ts'
import type { EventFields } from '../../../core/telemetry.ts'
import { openAuthState } from '../../../hosts/auth-state/auth-state.ts'
import { DEFAULT_BACKOFF } from '../../../hosts/device/backoff.ts'
import { type DeviceConnection, keepConnection } from '../../../hosts/device/connection.ts'
import { createSuspectGate } from '../../../hosts/isolation/suspect-gate.ts'
import type { Consumer } from '../../../hosts/messages/consumer.ts'
import { createConnectLimiter } from '../../../hosts/server/connect-limiter.ts'
import type { Stall } from '../../../hosts/stalls/device-watch.ts'
import { baileysSockets } from '../../../hosts/whatsapp/baileys-socket.ts'
import type { OpenSocket, WhatsAppSocket } from '../../../hosts/whatsapp/socket.ts'
import type { HostWorld, ServerContext } from '../../../hosts/world.ts'
import { wrapping } from '../auth-state/fixtures.ts'

export interface Death {
  readonly atRequest: number
  /** The request is never sent; it is applied and its answer is lost; or it is applied when another host has
   *  taken over. */
  readonly how: 'before' | 'after' | 'late'
}

export interface MortalHost {
  readonly name: string
  readonly connection: DeviceConnection
  readonly died: Promise<void>
  isDead(): boolean
  die(): void
  requests(): number
  /** Applies the request that was on its way when it died. @returns whether there was one */
  applyLate(): Promise<boolean>
}

export interface HostPlan {
  readonly name: string
  readonly device: DeviceId
  readonly store: Store
  readonly url: string
  readonly consumer: Consumer
  readonly death?: Death | undefined
  readonly failed: (event: string, fields: EventFields | undefined) => void
}

/** Thrown at once: a wait would keep a contact's turn, which the other hosts of this process need, too. */
const gone = () => new MooringError('LEASE_OVER', 'this host is dead')

/** A missing device makes its connection machine end. */
function afterDeath<Answer>(table: Table): Answer {
  if (table === 'Devices') return undefined as Answer
  throw gone()
}
const turn = () => new Promise((resolve) => setTimeout(resolve, 1))

export function startHost(plan: HostPlan): MortalHost {
  const { name, death } = plan
  const died = Promise.withResolvers<void>()
  const sockets: WhatsAppSocket[] = []
  let dead = false
  let requests = 0
  let late: (() => Promise<unknown>) | undefined

  function die(): void {
    dead = true
    for (const socket of sockets) socket.cut()
    died.resolve()
  }

  async function pass<Answer>(table: Table, request: () => Promise<Answer>): Promise<Answer> {
    if (dead) return afterDeath(table)
    requests += 1
    if (requests === death?.atRequest) {
      if (death.how === 'after') await request()
      if (death.how === 'late') late = request
      die()
      return afterDeath(table)
    }
    await turn()
    const answer = await request()
    await turn()
    return dead ? afterDeath(table) : answer
  }

  const open = baileysSockets({ url: plan.url, historySync: false })
  const openSocket: OpenSocket = (options) => {
    const { qr, paired, open: opened, received, stalled, recovered, heldUp, closed } = options.events
    const alive =
      <Told extends unknown[]>(tell: (...told: Told) => void) =>
      (...told: Told) => {
        if (!dead) tell(...told)
      }
    const events = {
      qr: alive(qr),
      paired: alive(paired),
      open: alive(opened),
      received: alive(received),
      stalled: (stall: Stall) => !dead && stalled(stall),
      recovered: alive(recovered),
      heldUp: alive(heldUp),
      // The close still arrives: it ends the work that the host has begun.
      closed,
    }
    const socket = open({ ...options, events })
    sockets.push(socket)
    return socket
  }

  const store = mortal(plan.store, pass)
  const world: HostWorld = {
    store,
    beatStore: store,
    clock: systemClock,
    random: systemRandom,
    telemetry: {
      emit: (event, fields) => {
        if (!dead) plan.failed(event, fields)
      },
    },
    settings: DEFAULT_SETTINGS,
    pairingTimeoutMs: 600_000,
    openAuth: (options) =>
      openAuthState({
        store,
        clock: systemClock,
        telemetry: world.telemetry,
        wrapping,
        renewDataKeysAfterDays: 365,
        ...options,
      }),
    openSocket,
    consumer: {
      async take(device, messages) {
        if (dead) throw gone()
        await plan.consumer.take(device, messages)
      },
    },
    requestPlacement: async () => undefined,
  }
  const context: ServerContext = {
    serverId: serverId(name),
    name,
    lease: { renew: () => undefined, revoke: () => undefined, isValid: () => !dead, remainingMs: () => 8000 },
    limiter: createConnectLimiter(systemClock, 1000),
    suspects: createSuspectGate(systemClock),
    backoff: DEFAULT_BACKOFF,
    takeSurplus: () => false,
    mayAct: () => !dead,
    leaseValid: async () => undefined,
  }
  return {
    name,
    connection: keepConnection(world, context, plan.device),
    died: died.promise,
    isDead: () => dead,
    die,
    requests: () => requests,
    async applyLate() {
      await late?.()
      return late !== undefined
    },
  }
}

type Pass = <Answer>(table: Table, request: () => Promise<Answer>) => Promise<Answer>

function mortal(store: Store, pass: Pass): Store {
  return {
    get: (table, key) => pass(table, () => store.get(table, key)),
    getMany: (table, keys) => pass(table, () => store.getMany(table, keys)),
    put: (table, row, conditions) => pass(table, () => store.put(table, row, conditions)),
    update: (table, key, change) => pass(table, () => store.update(table, key, change)),
    remove: (table, key, conditions) => pass(table, () => store.remove(table, key, conditions)),
    query: (table, query) => pass(table, () => store.query(table, query)),
    count: (table, query) => pass(table, () => store.count(table, query)),
    scan: (table, part) => pass(table, () => store.scan(table, part)),
  }
}
