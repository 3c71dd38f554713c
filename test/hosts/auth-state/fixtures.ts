/** Builders for the tests of the auth state, on the embedded DynamoDB. */
import { randomBytes } from 'node:crypto'
import type { ILogger } from '@whiskeysockets/baileys/lib/Utils/logger.js'
import { dynamoDbStore } from '../../../aws/dynamodb-store.ts'
import { type Clock, systemClock } from '../../../core/clock.ts'
import { deviceId, epoch } from '../../../core/ids.ts'
import type { Store } from '../../../core/store/store.ts'
import type { EventFields, Telemetry } from '../../../core/telemetry.ts'
import {
  type AuthStateOptions,
  type OpenAuthState,
  openAuthState,
} from '../../../hosts/auth-state/auth-state.ts'
import { keyFileWrapping } from '../../../hosts/auth-state/keys/key-file-wrapping.ts'
import type { KeyWrapping } from '../../../hosts/auth-state/keys/wrapping.ts'
import { LOCAL_TABLE_PREFIX, startDatabase } from '../../../local/database.ts'

export const CREDENTIALS_ID = 'credentials-1'
const REQUEST_MS_MAX = 10_000
let devices = 0

/** The wrapping key for all tests of a file, unless a test brings its own. */
export const wrapping = wrappingBy([newWrappingKey()])

export function newWrappingKey(): Buffer {
  return randomBytes(32)
}

/** @param keys the newest first; a test may change them later, as a key file changes */
export function wrappingBy(keys: Buffer[]): KeyWrapping {
  return keyFileWrapping(async () => keys)
}

export async function startStore(): Promise<{ store: Store; close: () => Promise<void> }> {
  const database = await startDatabase()
  const store = dynamoDbStore(database.client, LOCAL_TABLE_PREFIX, REQUEST_MS_MAX)
  return { store, close: () => database.close() }
}

/** A device that no other test uses. */
export function newDevice() {
  devices += 1
  return deviceId(`device-${devices}`)
}

export interface Opening extends Partial<Omit<AuthStateOptions, 'epoch'>> {
  readonly store: Store
  readonly epoch?: number
  readonly telemetry?: Telemetry
  readonly clock?: Clock
  readonly wrapping?: KeyWrapping
  readonly renewDataKeysAfterDays?: number
}

export function open(opening: Opening): Promise<OpenAuthState> {
  return openAuthState({
    clock: systemClock,
    telemetry: silentTelemetry,
    wrapping,
    renewDataKeysAfterDays: 365,
    device: newDevice(),
    credentialsId: CREDENTIALS_ID,
    everPaired: false,
    mayWrite: () => true,
    onStale: () => undefined,
    ...opening,
    epoch: epoch(opening.epoch ?? 1),
  })
}

/** A clock on which no wait takes longer than a turn of the event loop. `waits` notes how long each should
 *  have been. */
export function impatientClock() {
  const waits: number[] = []
  const clock: Clock = {
    ...systemClock,
    startTimer(afterMs, run) {
      waits.push(afterMs)
      return systemClock.startTimer(0, run)
    },
  }
  return { waits, clock }
}

/** A clock on which no wait ever ends by itself. */
export const stoppedClock: Clock = { ...systemClock, startTimer: () => ({ cancel: () => undefined }) }

export const silentTelemetry: Telemetry = { emit: () => undefined }

export function recordingTelemetry() {
  const events: { event: string; fields: EventFields | undefined }[] = []
  const telemetry: Telemetry = { emit: (event, fields) => events.push({ event, fields }) }
  return { events, telemetry }
}

/** A request to the store: its operation and, for the auth state, the item's key. */
export type Request = `${keyof Store} ${string}`

/** The same store, with `look` called before each request is sent. `look` may throw or wait. */
export function watched(store: Store, look: (request: Request) => void | Promise<void>): Store {
  const keyOf = (target: unknown) => (target as { key?: string }).key ?? ''
  return {
    ...store,
    async put(table, row, conditions) {
      await look(`put ${keyOf(row)}`)
      return store.put(table, row, conditions)
    },
    async update(table, key, change) {
      await look(`update ${keyOf(key)}`)
      return store.update(table, key, change)
    },
    async get(table, key) {
      await look(`get ${keyOf(key)}`)
      return store.get(table, key)
    },
  }
}

/** A store that notes down its requests. */
export function noting(store: Store) {
  const requests: Request[] = []
  return { requests, store: watched(store, (request) => void requests.push(request)) }
}

/** A store that fails, as if out of reach, while `breaker.broken` is set: for all requests, or for those of
 *  `only`. */
export function breakable(store: Store, only: keyof Store | '' = '') {
  const breaker = { broken: false }
  const failing = watched(store, (request) => {
    if (breaker.broken && request.startsWith(only)) throw new Error('the store is out of reach')
  })
  return { breaker, store: failing }
}

/** A store whose requests wait between `hold` and `release`. */
export function holding(store: Store) {
  let gate = Promise.resolve()
  let release = () => {}
  return {
    store: watched(store, () => gate),
    hold() {
      gate = new Promise((resolve) => {
        release = resolve
      })
    },
    release: () => release(),
  }
}

export const silentLogger: ILogger = {
  level: 'silent',
  child: () => silentLogger,
  trace: () => undefined,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}
