/** Gives Baileys the credentials and Signal keys of one device for one socket, fenced by the epoch of the
 *  socket's permit.
 *
 *  This room stores what a device needs to stay linked, sealed, in the table of auth items. The connection
 *  machine opens one auth state after each permit and closes it after the socket; the CLI writes and reads
 *  whole ones. The room must never turn a failed read into fresh credentials, touch the store outside the
 *  lease, or let key material reach a log. */
import type { AuthenticationState } from '@whiskeysockets/baileys'
import type { EventName } from '../../core/catalogue.ts'
import type { Clock } from '../../core/clock.ts'
import { type ErrorCode, isMooringError, type MooringError } from '../../core/errors.ts'
import type { DeviceId, Epoch } from '../../core/ids.ts'
import { type RetryOptions, retry } from '../../core/retry.ts'
import { credsKey } from '../../core/store/auth-item-row.ts'
import type { Store } from '../../core/store/store.ts'
import type { Telemetry } from '../../core/telemetry.ts'
import { credsFrom } from './creds.ts'
import { openDataKeys } from './data-keys.ts'
import { fencedRequests } from './fenced-requests.ts'
import { type Inbox, openInbox } from './inbox.ts'
import { openItems } from './items.ts'
import type { KeyWrapping } from './keys/wrapping.ts'
import { serialise } from './serialise.ts'
import { signalKeys } from './signal-keys.ts'
import { createUnderWay, savesInOrder } from './turns.ts'

/** A save that fails is tried again for about as long as a lease lasts without the store. */
const SAVE_TRIES_MAX = 20
const SAVE_AGAIN_AFTER_MS = 500

const FAULT_EVENTS: { readonly [Code in ErrorCode]?: EventName } = {
  CREDENTIALS_UNREADABLE: 'device.auth_item_unreadable',
  AUTH_ITEM_UNREADABLE: 'device.auth_item_unreadable',
  AUTH_ITEM_TOO_LARGE: 'device.auth_item_too_large',
}

export interface AuthWorld {
  readonly store: Store
  readonly clock: Clock
  readonly telemetry: Telemetry
  /** Wraps the data keys. */
  readonly wrapping: KeyWrapping
  /** A data key older than this gets a successor. */
  readonly renewDataKeysAfterDays: number
}

export interface AuthStateOptions {
  readonly device: DeviceId
  readonly credentialsId: string
  /** The epoch of the permit under which the socket is opened. */
  readonly epoch: Epoch
  /** The device's row says that it was paired. Then it has credentials, and none may be made up. */
  readonly everPaired: boolean
  /** Whether this server's lease is valid. Asked right before each request. */
  readonly mayWrite: () => boolean
  /** Called once, when a newer socket of the device has fenced an item: this socket has to close. */
  readonly onStale: (refusal: MooringError) => void
}

export type OpenAuth = (options: AuthStateOptions) => Promise<OpenAuthState>

export interface OpenAuthState {
  /** Plain get and set; makeWASocket adds transactions to them. */
  readonly state: AuthenticationState
  /** The messages that were decrypted and that the application has not taken yet. */
  readonly inbox: Inbox
  /** Saves the creds whole. Call it on each `creds.update`.
   *  @throws MooringError when the creds may not be saved any more. Baileys ignores it, so the caller must
   *  not */
  saveCreds(): Promise<void>
  /** `hear` is called when a request to the store has ended. A set of many keys takes several requests. */
  onRequestEnded?(hear: () => void): void
  /** Resolves when every read and write under way has ended, well or not. It never rejects. */
  settled(): Promise<void>
  /** Refuses every access from now on. */
  close(): void
}

/** Fences and reads the data keys, then the creds. Every other item follows when it is asked for.
 *  @throws MooringError CREDENTIALS_UNREADABLE | DATA_KEY_UNAVAILABLE | STALE_EPOCH | LEASE_OVER, or what the
 *  store threw */
export async function openAuthState(options: AuthWorld & AuthStateOptions): Promise<OpenAuthState> {
  const { store, clock, telemetry, device, credentialsId, epoch, mayWrite } = options
  let requestEnded: () => void = () => undefined
  const requests = fencedRequests({
    onEnded: () => requestEnded(),
    store,
    clock,
    device,
    epoch,
    mayWrite,
    onStale(refusal) {
      telemetry.emit('device.stale_write_refused', { deviceId: device, epoch, why: refusal.message })
      options.onStale(refusal)
    },
  })
  const dataKeys = await openDataKeys({
    ...options,
    requests,
    renewAfterDays: options.renewDataKeysAfterDays,
  })
  const items = openItems({
    requests,
    sealing: dataKeys.sealing,
    onFault: ({ code, message, facts }) =>
      telemetry.emit(FAULT_EVENTS[code] ?? 'device.failed', {
        deviceId: device,
        epoch,
        ...facts,
        why: message,
      }),
  })
  const creds = credsFrom(await items.read(credsKey(credentialsId)), options)
  // A first data key is made only now: credentials that are sealed, or missing, need the keys that they were
  // sealed with.
  await dataKeys.begin()

  const keys = signalKeys(items, credentialsId)
  const underWay = createUnderWay()
  const stop = new AbortController()

  // Serialised again for each try: Baileys changes the creds in place, and the newest have to be saved.
  const save = () => items.write(credsKey(credentialsId), serialise(creds))
  const saveInOrder = savesInOrder(() => retry(save, savingOptions(clock, stop.signal)))

  const underWayItems = {
    read: (key: string) => underWay.add(items.read(key)),
    write: (key: string, value: string) => underWay.add(items.write(key, value)),
  }

  return {
    inbox: openInbox(underWayItems, clock, credentialsId),
    state: {
      creds,
      keys: {
        get: async (type, ids) => underWay.add(Promise.resolve(keys.get(type, ids))),
        set: async (data) => underWay.add(Promise.resolve(keys.set(data))),
      },
    },
    onRequestEnded(hear) {
      requestEnded = hear
    },
    saveCreds: () => underWay.add(saveInOrder()),
    settled: underWay.settled,
    close() {
      items.close()
      stop.abort()
    },
  }
}

function savingOptions(clock: Clock, closed: AbortSignal): RetryOptions<void> {
  return {
    clock,
    waitMs: () => SAVE_AGAIN_AFTER_MS,
    triesMax: SAVE_TRIES_MAX,
    // a refusal of Mooring's own does not pass with time
    isFinal: (error) => isMooringError(error),
    wake: closed,
  }
}
