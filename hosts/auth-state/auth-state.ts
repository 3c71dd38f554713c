/**
 * A device's auth state for one socket: what Baileys reads and writes, fenced by the epoch of the socket's permit.
 * The connection machine opens one after each permit and closes it after the socket. It must never turn a failed read
 * into fresh credentials, touch the store outside the lease, or let key material reach a log.
 */
import type { AuthenticationState } from '@whiskeysockets/baileys'
import { credsKey } from '../../core/auth-item.ts'
import { type Clock, sleep } from '../../core/clock.ts'
import { isMooringError, type MooringError } from '../../core/errors.ts'
import type { DeviceId, Epoch } from '../../core/ids.ts'
import type { Store } from '../../core/store.ts'
import type { Telemetry } from '../../core/telemetry.ts'
import { credsFrom } from './creds.ts'
import { openItems } from './items.ts'
import { serialise } from './serialise.ts'
import { signalKeys } from './signal-keys.ts'
import { createUnderWay, savesInOrder } from './turns.ts'

/** Creds that cannot be saved are tried again for about as long as a lease lasts without the store. */
const CREDS_TRIES_MAX = 20
const CREDS_TRY_AGAIN_AFTER_MS = 500

export interface AuthWorld {
  readonly store: Store
  readonly clock: Clock
  readonly telemetry: Telemetry
}

export interface AuthWish {
  readonly device: DeviceId
  readonly credentialsId: string
  /** Of the permit under which the socket is opened. */
  readonly epoch: Epoch
  /** The device's row says that it was paired: then there are credentials, and none may be made up. */
  readonly everPaired: boolean
  /** Whether this server's lease is valid: asked right before each request. */
  readonly mayWrite: () => boolean
  /** Called once, when a newer socket of the device has left its mark: this one has to close. */
  readonly onStale: (refusal: MooringError) => void
}

export type OpenAuth = (wish: AuthWish) => Promise<OpenAuthState>

export interface OpenAuthState {
  /** Plain get and set: makeWASocket adds transactions to them. */
  readonly state: AuthenticationState
  /** Saves the creds whole. Call it on each `creds.update`.
   *  @throws MooringError when they may not be saved any more; Baileys does not listen, so the caller has to */
  saveCreds(): Promise<void>
  /** Resolves when every read and write under way has ended, well or not. */
  settled(): Promise<void>
  /** Refuses every access from now on. */
  close(): void
}

/** Fences and reads the creds; every other item follows when it is asked for.
 *  @throws MooringError CREDENTIALS_UNREADABLE | STALE_EPOCH | LEASE_OVER, or what the store threw */
export async function openAuthState(options: AuthWorld & AuthWish): Promise<OpenAuthState> {
  const { store, clock, telemetry, device, credentialsId, epoch, mayWrite } = options
  const items = openItems({
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
  const creds = credsFrom(await items.read(credsKey(credentialsId)), options)

  const keys = signalKeys(items, credentialsId)
  const underWay = createUnderWay()
  const stop = new AbortController()

  // made anew for each try: Baileys changes the creds in place, and the newest are the ones to keep
  const save = () => items.write(credsKey(credentialsId), serialise(creds))
  const saveInOrder = savesInOrder(() => persistently(save, clock, stop.signal))

  return {
    state: {
      creds,
      keys: {
        get: async (type, ids) => underWay.add(Promise.resolve(keys.get(type, ids))),
        set: async (data) => underWay.add(Promise.resolve(keys.set(data))),
      },
    },
    saveCreds: () => underWay.add(saveInOrder()),
    settled: underWay.settled,
    close() {
      items.close()
      stop.abort()
    },
  }
}

/** Tries again what failed for a reason that may pass. A refusal of Mooring's own does not pass. */
async function persistently(work: () => Promise<void>, clock: Clock, stop: AbortSignal): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await work()
    } catch (error) {
      if (isMooringError(error) || tries >= CREDS_TRIES_MAX) throw error
      await sleep(clock, CREDS_TRY_AGAIN_AFTER_MS, stop)
    }
  }
}
