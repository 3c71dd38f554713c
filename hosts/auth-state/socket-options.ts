/** What makeWASocket has to be told so that it uses an auth state safely. */
import type { SocketConfig } from '@whiskeysockets/baileys'
import type { OpenAuthState } from './auth-state.ts'
import { loudReads } from './loud-reads.ts'
import { serialisedDecrypts } from './serialised-decrypts.ts'
import { libsignalRepository } from './signal-repository.ts'

/** A commit holds up every send and decrypt of the device while it is tried again. Baileys' own 30 seconds are longer
 *  than a lease: by then another server has the device. */
const COMMIT_TRIES_MAX = 8
const COMMIT_TRY_AGAIN_AFTER_MS = 500

export function authOptions({
  state,
}: Pick<OpenAuthState, 'state'>): Pick<SocketConfig, 'auth' | 'makeSignalRepository' | 'transactionOpts'> {
  return {
    auth: state,
    makeSignalRepository: serialisedDecrypts(state.creds, loudReads(libsignalRepository)),
    transactionOpts: { maxCommitRetries: COMMIT_TRIES_MAX, delayBetweenTriesMs: COMMIT_TRY_AGAIN_AFTER_MS },
  }
}
