/** What makeWASocket has to be told so that it uses an auth state safely. */
import type { AuthenticationCreds, BinaryNode, SocketConfig } from '@whiskeysockets/baileys'
import type { Clock } from '../../../core/clock.ts'
import { type ErrorCode, isMooringError } from '../../../core/errors.ts'
import type { OpenAuthState } from '../../auth-state/auth-state.ts'
import type { Inbox } from '../../auth-state/inbox.ts'
import { retry } from '../../auth-state/retry.ts'
import { type DeviceWatch, UNWATCHED, type Work } from '../../stalls/stall-watch.ts'
import { loudReads } from './fail-on-unread.ts'
import {
  givesBackPlaintexts,
  keepsPlaintexts,
  meetStanzas,
  ROOM_MS_MAX,
  type Stanzas,
} from './keep-plaintexts.ts'
import { untouchedSessions } from './keep-unused-sessions.ts'
import { serialisedDecrypts } from './one-at-a-time.ts'
import { contactTurns } from './one-device-per-contact.ts'
import { libsignalRepository, type MakeSignalRepository } from './repository.ts'
import { type EarlyKeys, earlyKeys, storedBeforeSent } from './store-before-send.ts'
import { watchedDecrypts } from './watched-decrypts.ts'

/** A request holds up every send and decrypt of the device while it is tried again. Baileys' own 30 seconds are longer
 *  than a lease: by then another server has the device. */
export const PATIENCE = { triesMax: 8, againAfterMs: 500 }
/** This socket may not touch the store any more. */
const ENDS: readonly ErrorCode[] = ['STALE_EPOCH', 'LEASE_OVER', 'AUTH_STATE_CLOSED']

type Auth = Pick<OpenAuthState, 'state' | 'inbox' | 'onRequestEnded'>

export interface AuthOptions {
  readonly config: Pick<SocketConfig, 'auth' | 'makeSignalRepository' | 'transactionOpts'>
  /** Call it with each `message` stanza before Baileys handles it. */
  readonly met: (stanza: BinaryNode) => void
}

/** @param cut closes the socket without another word: of a message that cannot be stored WhatsApp must hear neither a
 *  receipt nor a refusal, so that it delivers the message again
 *  @param watched what is told of work that is begun and ended */
export function authOptions(
  auth: Auth,
  clock: Clock,
  cut: () => void,
  { watch, decrypted }: Watched = { watch: UNWATCHED, decrypted: () => undefined },
): AuthOptions {
  const { creds } = auth.state
  const keys = earlyKeys(auth.state.keys)
  const asking = new Set<Work>()
  // A set of many items takes many requests: as long as they are answered, the store does answer.
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
      return await retry(tried, clock, PATIENCE)
    } catch (error) {
      if (!isMooringError(error) || ENDS.includes(error.code)) cut()
      throw error
    } finally {
      asking.delete(asked)
      asked.end()
    }
  }
  const safeKeys: EarlyKeys = {
    get: (type, ids) => orCut(() => keys.get(type, ids)),
    set: (data) => orCut(() => keys.set(data)),
    setEarly: (changes) => orCut(() => keys.setEarly(changes)),
  }
  const inbox: Inbox = {
    ...auth.inbox,
    find: (hash) => orCut(() => auth.inbox.find(hash)),
    keep: (kept) => orCut(() => auth.inbox.keep(kept)),
    async room(until) {
      const resume = watch.pause(['decrypt'], ROOM_MS_MAX)
      return auth.inbox.room(until).finally(resume)
    },
  }
  const stanzas = meetStanzas()
  return {
    config: {
      auth: { creds, keys: safeKeys },
      makeSignalRepository: watchedDecrypts(
        stanzas,
        decrypted,
        safeRepository({ creds, keys: safeKeys, inbox, clock, stanzas, cut, watch }),
      ),
      // A commit is tried again above.
      transactionOpts: { maxCommitRetries: 1, delayBetweenTriesMs: 0 },
    },
    met: stanzas.met,
  }
}

export interface Watched {
  readonly watch: DeviceWatch
  readonly decrypted: (stanza: BinaryNode) => void
}

interface SafeParts {
  readonly creds: Pick<AuthenticationCreds, 'me'>
  readonly keys: Pick<EarlyKeys, 'setEarly'>
  readonly inbox: Inbox
  readonly clock: Clock
  readonly stanzas: Stanzas
  readonly cut: () => void
  readonly watch: DeviceWatch
}

/** The device's own turn comes first: who waits for a contact must hold up no other contact's turn. */
function safeRepository({ creds, keys, inbox, clock, stanzas, cut, watch }: SafeParts): MakeSignalRepository {
  const oneByOne = storedBeforeSent(keys, contactTurns(loudReads(untouchedSessions(libsignalRepository))))
  const keeping = keepsPlaintexts(inbox, stanzas, clock, oneByOne)
  return givesBackPlaintexts(inbox, stanzas, clock, cut, serialisedDecrypts(creds, keeping, watch))
}
