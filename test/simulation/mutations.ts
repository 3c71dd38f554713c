/** Deliberate mistakes around the product's code, one for each rule. Examples: a store that drops a
 *  condition, a clock that lies, a socket that does not close. The simulation must find each of them, or
 *  it could not find a real one. */
import type { Mark } from '../../core/clock.ts'
import { bury, listServers } from '../../core/protocol/membership.ts'
import { isLive } from '../../core/store/server-row.ts'
import type { Change, Condition, Store } from '../../core/store/store.ts'
import type { World } from '../../core/world.ts'
import { forNobody } from '../../hosts/isolation/attribution.ts'
import type { OpenSocket } from '../../hosts/whatsapp/socket.ts'
import type { HostWorld } from '../../hosts/world.ts'
import { nameOfUpdate } from './request-names.ts'
import type { Mutation } from './stage.ts'

type Changed = Change<Record<string, unknown>>

/** The store with each update of this name changed. */
function changing(store: Store, name: string, change: (change: Changed) => Changed): Store {
  return {
    ...store,
    update(table, key, given) {
      const isMeant = nameOfUpdate(table, given as unknown as Change<never>) === name
      return store.update(table, key, isMeant ? (change(given as unknown as Changed) as never) : given)
    },
  }
}

const without =
  (dropped: (condition: Condition<Record<string, unknown>>) => boolean) =>
  (change: Changed): Changed => ({ ...change, when: change.when.filter((condition) => !dropped(condition)) })

function isAbout(condition: object, attribute: string): boolean {
  return 'attribute' in condition && condition.attribute === attribute
}

function both(mutate: (store: Store) => Store): Pick<Mutation, 'host' | 'lambda'> {
  return {
    host: (world) => ({ ...world, store: mutate(world.store), beatStore: mutate(world.beatStore) }),
    lambda: (world) => ({ ...world, store: mutate(world.store) }),
  }
}

const fenceOff: Mutation = {
  name: 'the fence is off',
  // The fence alone cuts an open socket.
  sockets: (open) => (options) => ({ ...open(options), cut: () => undefined }),
}

/** Moves the mark of a beat to the time of its answer. */
function measuringFromAnswer(world: HostWorld): HostWorld {
  let marked: { monotonicMs: number; bootMs: number } | undefined
  const mark = (): Mark => {
    marked = { ...world.clock.mark() }
    return marked
  }
  const beatStore: Store = {
    ...world.beatStore,
    async update(table, key, change) {
      const sentAt = marked
      const row = await world.beatStore.update(table, key, change)
      if (sentAt) Object.assign(sentAt, world.clock.mark())
      return row
    },
  }
  return { ...world, clock: { ...world.clock, mark }, beatStore }
}

const fenceFromAnswer: Mutation = {
  name: 'the fence is measured from the answer',
  host: measuringFromAnswer,
}

const permitUnconditional: Mutation = {
  name: 'a permit without its condition',
  ...both((store) => changing(store, 'permit', (change) => ({ ...change, when: [] }))),
}

const claimOwned: Mutation = {
  name: 'a claim without attribute_not_exists(owner)',
  ...both((store) =>
    changing(
      store,
      'claim',
      without((condition) => condition.is === 'absent' && isAbout(condition, 'owner')),
    ),
  ),
}

const buryBeating: Mutation = {
  name: 'a burial without the beat condition',
  ...both((store) =>
    changing(
      store,
      'bury',
      without((condition) => condition.is === 'equals' && isAbout(condition, 'beat')),
    ),
  ),
}

/** Buries by the time in the row, as if all clocks showed the same. */
async function buryByWallClock(world: World): Promise<void> {
  for (;;) {
    const servers = await listServers(world.store).catch(() => [])
    for (const server of servers.filter(isLive)) {
      if (world.clock.wallMs() - server.beatAt < world.settings.buryAfterMs) continue
      await bury(world.store, server).catch(() => false)
    }
    await new Promise<void>((resolve) => void world.clock.startTimer(1000, resolve))
  }
}

const wallClocks: Mutation = { name: 'a sweep that trusts wall clocks', look: buryByWallClock }

/** The server hears that the socket is closed while it is still open for some time. */
function closingLate(
  open: OpenSocket,
  afterMs: number,
  startTimer: HostWorld['clock']['startTimer'],
): OpenSocket {
  return (options) => {
    let said = false
    const closed = (code: number, reason: string) => {
      if (!said) options.events.closed(code, reason)
      said = true
    }
    const socket = open({ ...options, events: { ...options.events, closed } })
    return {
      ...socket,
      async close() {
        closed(0, 'closed by this server')
        startTimer(afterMs, () => void socket.close())
      },
    }
  }
}

const releaseFirst: Mutation = {
  name: 'released before it is closed',
  sockets: (open, { clock }) => closingLate(open, 1000, clock.startTimer),
}

const epochKept: Mutation = {
  name: 'the epoch is not raised',
  ...both((store) => changing(store, 'permit', ({ add: _, ...change }) => change)),
}

const plainRead: Mutation = {
  name: 'the fencing read is a plain read',
  host: (world) => ({
    ...world,
    store: {
      ...world.store,
      async update(table, key, change) {
        if (table !== 'AuthState') return world.store.update(table, key, change)
        return (await world.store.get(table, key)) ?? ({ ...key } as never)
      },
    },
  }),
}

/** Logs in again by itself with the same credentials when another login has replaced it. */
function reconnecting(open: OpenSocket): OpenSocket {
  return (options) => {
    const closed = (code: number, reason: string) => {
      if (code !== 440) return options.events.closed(code, reason)
      socket = open({ ...options, events: { ...options.events, closed } })
    }
    let socket = open({ ...options, events: { ...options.events, closed } })
    return {
      send: (message) => socket.send(message),
      requestPairingCode: (phoneNumber) => socket.requestPairingCode(phoneNumber),
      logout: () => socket.logout(),
      close: () => socket.close(),
      cut: () => socket.cut(),
    }
  }
}

const orderless: Mutation = {
  name: 'auth-state writes without their order',
  host: (world) => ({
    ...world,
    store: {
      ...world.store,
      put(table, row, conditions = []) {
        const kept = conditions.filter(
          (condition) => condition.is !== 'any' || !condition.of.some((one) => isAbout(one, 'order')),
        )
        return world.store.put(table, row, kept)
      },
    },
  }),
}

const answeredFirst: Mutation = {
  name: 'a pairing answered before its credentials are stored',
  sockets: (open) => (options) => {
    const saveCreds = async () => void options.auth.saveCreds().catch(() => undefined)
    return open({ ...options, auth: { ...options.auth, saveCreds } })
  },
}

const neverQuarantined: Mutation = {
  name: 'no suspicion is held against a device',
  ...both((store) =>
    changing(store, 'permit', ({ set: { suspicion: _, ...set } = {}, ...change }) => ({ ...change, set })),
  ),
}

const unattributed: Mutation = {
  name: 'errors of a socket belong to no device',
  sockets: (open) => (options) => forNobody({ open }).open(options),
}

const blindReconnect: Mutation = { name: '440 answered by a blind reconnect', sockets: reconnecting }

export const MUTATIONS: readonly Mutation[] = [
  fenceOff,
  fenceFromAnswer,
  permitUnconditional,
  claimOwned,
  buryBeating,
  wallClocks,
  releaseFirst,
  epochKept,
  plainRead,
  blindReconnect,
  orderless,
  answeredFirst,
  neverQuarantined,
  unattributed,
]
