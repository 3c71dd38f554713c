/** Credentials and some session keys as tokens, on the real fenced items of hosts/auth-state. Baileys would
 *  store the same items with real keys. */

import type { Clock } from '../../core/clock.ts'
import { isMooringError, MooringError } from '../../core/errors.ts'
import type { Epoch } from '../../core/ids.ts'
import type { Random } from '../../core/random.ts'
import { retry } from '../../core/retry.ts'
import { credsKey, signalKey } from '../../core/store/auth-item-row.ts'
import type { Store } from '../../core/store/store.ts'
import type { AuthStateOptions, OpenAuthState } from '../../hosts/auth-state/auth-state.ts'
import { fencedRequests } from '../../hosts/auth-state/fenced-requests.ts'
import { openInbox } from '../../hosts/auth-state/inbox.ts'
import { openItems } from '../../hosts/auth-state/items.ts'
import type { Sealing } from '../../hosts/auth-state/keys/sealing.ts'
import { createUnderWay, savesInOrder } from '../../hosts/auth-state/turns.ts'

export interface Creds {
  /** A token for the keys of one pairing. */
  readonly identity: string
  /** Each save raises it. */
  n: number
  me?: string
  /** Present once the phone has agreed. */
  account?: string
}

export interface SimulatedAuth extends OpenAuthState {
  readonly creds: Creds
  readonly epoch: Epoch
  /** A message advances the session with this contact by one. */
  useSession(contact: number): Promise<void>
}

export const CONTACTS = 4

/** No encryption: it decides nothing here, and would cost the time of many seeds. */
const unsealed: Sealing = { seal: (_, value) => value, open: (_, stored) => stored }

const CREDS_TRIES_MAX = 20
const CREDS_TRY_AGAIN_AFTER_MS = 500

/** Mirrors openAuthState and credsFrom of hosts/auth-state, which make Baileys' real keys.
 *  @param read tells the judge which item was read under which epoch */
export async function openSimulatedAuth(
  world: { store: Store; clock: Clock; random: Random },
  options: AuthStateOptions,
  read: (key: string) => void,
): Promise<SimulatedAuth> {
  const { store, clock } = world
  const { device, credentialsId, epoch, everPaired, mayWrite, onStale } = options
  const requests = fencedRequests({ store, clock, device, epoch, mayWrite, onStale })
  const items = openItems({ requests, sealing: unsealed, onFault: () => undefined })
  const ofCreds = credsKey(credentialsId)
  const sessions = Array.from({ length: CONTACTS }, (_, contact) =>
    signalKey(credentialsId, 'session', `${contact}`),
  )
  const creds = credsFrom(await items.read(ofCreds), everPaired, world.random)
  read(ofCreds)
  await Promise.all(sessions.map((session) => items.read(session).then(() => read(session))))

  const underWay = createUnderWay()
  const stop = new AbortController()
  const save = () => {
    creds.n += 1
    return items.write(ofCreds, JSON.stringify(creds))
  }
  const saveInOrder = savesInOrder(() =>
    retry(save, {
      clock,
      waitMs: () => CREDS_TRY_AGAIN_AFTER_MS,
      triesMax: CREDS_TRIES_MAX,
      isFinal: (error) => isMooringError(error) || stop.signal.aborted,
      wake: stop.signal,
    }),
  )
  return {
    creds,
    epoch,
    inbox: openInbox(items, clock, credentialsId),
    // hosts/device asks only whether the credentials are half-made.
    state: { creds, keys: undefined } as unknown as OpenAuthState['state'],
    saveCreds: () => underWay.add(saveInOrder()),
    useSession: (contact) =>
      underWay.add(
        items.change(sessions[contact] ?? ofCreds, (before) =>
          JSON.stringify({ n: 1 + (before ? (JSON.parse(before) as { n: number }).n : 0) }),
        ),
      ),
    settled: underWay.settled,
    close() {
      items.close()
      stop.abort()
    },
  }
}

function credsFrom(stored: string | undefined, everPaired: boolean, random: Random): Creds {
  if (stored === undefined) {
    if (everPaired)
      throw new MooringError('CREDENTIALS_UNREADABLE', 'it was paired, but its credentials are missing')
    return { identity: random.id(), n: 0 }
  }
  const creds = JSON.parse(stored) as Creds
  const wasAbandoned = !everPaired && creds.me !== undefined && creds.account === undefined
  return wasAbandoned ? { identity: random.id(), n: creds.n } : creds
}
