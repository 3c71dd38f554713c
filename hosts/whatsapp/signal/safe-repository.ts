/** Gives Baileys an auth state and a Signal repository that lose no message and no session.
 *
 *  This room wraps Baileys' Signal code in the repairs listed in repairs.ts. The WhatsApp socket calls
 *  `authOptions` once for each socket. Nothing here may swallow a failed read or write, answer WhatsApp, or
 *  decide whether a device connects. */
import type { BinaryNode, SocketConfig } from '@whiskeysockets/baileys'
import type { Clock } from '../../../core/clock.ts'
import { type ErrorCode, isMooringError } from '../../../core/errors.ts'
import { retry } from '../../../core/retry.ts'
import type { OpenAuthState } from '../../auth-state/auth-state.ts'
import type { Inbox } from '../../auth-state/inbox.ts'
import { type DeviceWatch, UNWATCHED, type Work } from '../../stalls/device-watch.ts'
import { ROOM_MS_MAX, rememberStanzas } from './keep-plaintexts.ts'
import { repairsOf } from './repairs.ts'
import { libsignalRepository, repaired } from './repository.ts'
import { type EarlyKeys, earlyKeys } from './store-before-send.ts'
import { watchDecrypts } from './watch-decrypts.ts'

/** A request that is tried again holds up every send and decrypt of the device. Baileys' own 30 seconds are
 *  longer than a lease: by then another server has the device. */
export const PATIENCE = { triesMax: 8, againAfterMs: 500 }
/** After one of these the socket may not touch the store any more. */
const ENDS: readonly ErrorCode[] = ['STALE_EPOCH', 'LEASE_OVER', 'AUTH_STATE_CLOSED']

type Auth = Pick<OpenAuthState, 'state' | 'inbox' | 'onRequestEnded'>

export interface AuthOptions {
  readonly config: Pick<SocketConfig, 'auth' | 'makeSignalRepository' | 'transactionOpts'>
  /** Call it with each `message` stanza before Baileys handles it. */
  readonly met: (stanza: BinaryNode) => void
}

export interface Watched {
  readonly watch: DeviceWatch
  readonly decrypted: (stanza: BinaryNode) => void
}

/** @param cut closes the socket without another word. WhatsApp must hear neither a receipt nor a refusal of a
 *  message that cannot be stored, so that it delivers the message again
 *  @param watched hears of work that begins and ends */
export function authOptions(
  auth: Auth,
  clock: Clock,
  cut: () => void,
  { watch, decrypted }: Watched = { watch: UNWATCHED, decrypted: () => undefined },
): AuthOptions {
  const { creds } = auth.state
  const { keys, inbox } = persistent(auth, clock, cut, watch)
  const stanzas = rememberStanzas()
  const repairs = repairsOf({ creds, keys, inbox, stanzas, clock, cut, watch })
  return {
    config: {
      auth: { creds, keys },
      makeSignalRepository: repaired(libsignalRepository, [...repairs, watchDecrypts(stanzas, decrypted)]),
      // `persistent` tries a commit again.
      transactionOpts: { maxCommitRetries: 1, delayBetweenTriesMs: 0 },
    },
    met: stanzas.met,
  }
}

/** Keys and inbox whose requests are tried again, and that cut the socket when the store fails for too
 *  long. */
function persistent(
  auth: Auth,
  clock: Clock,
  cut: () => void,
  watch: DeviceWatch,
): { readonly keys: EarlyKeys; readonly inbox: Inbox } {
  const keys = earlyKeys(auth.state.keys)
  const asking = new Set<Work>()
  // A set of many items takes many requests. As long as they are answered, the store does answer.
  auth.onRequestEnded?.(() => {
    for (const asked of asking) asked.again()
  })
  const orCut = async <Result>(work: () => Result | Promise<Result>): Promise<Result> => {
    const asked = watch.begin('store', 'the auth state does not answer')
    asking.add(asked)
    const tried = async () => {
      asked.again()
      return work()
    }
    try {
      return await retry(tried, {
        clock,
        waitMs: () => PATIENCE.againAfterMs,
        triesMax: PATIENCE.triesMax,
        // a refusal of Mooring's own does not pass
        isFinal: (error) => isMooringError(error),
      })
    } catch (error) {
      if (!isMooringError(error) || ENDS.includes(error.code)) cut()
      throw error
    } finally {
      asking.delete(asked)
      asked.end()
    }
  }
  return {
    keys: {
      get: (type, ids) => orCut(() => keys.get(type, ids)),
      set: (data) => orCut(() => keys.set(data)),
      setEarly: (changes) => orCut(() => keys.setEarly(changes)),
    },
    inbox: {
      ...auth.inbox,
      find: (hash) => orCut(() => auth.inbox.find(hash)),
      keep: (kept) => orCut(() => auth.inbox.keep(kept)),
      async room(until) {
        const resume = watch.pause(['decrypt'], ROOM_MS_MAX)
        return auth.inbox.room(until).finally(resume)
      },
    },
  }
}
