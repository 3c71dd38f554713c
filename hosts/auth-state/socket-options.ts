/** What makeWASocket has to be told so that it uses an auth state safely. */
import type { AuthenticationCreds, SocketConfig } from '@whiskeysockets/baileys'
import type { OpenAuthState } from './auth-state.ts'
import { contactTurns } from './contact-turns.ts'
import { loudReads } from './loud-reads.ts'
import { serialisedDecrypts } from './serialised-decrypts.ts'
import { libsignalRepository, type MakeSignalRepository } from './signal-repository.ts'

/** A commit holds up every send and decrypt of the device while it is tried again. Baileys' own 30 seconds are longer
 *  than a lease: by then another server has the device. */
const COMMIT_TRIES_MAX = 8
const COMMIT_TRY_AGAIN_AFTER_MS = 500

export function authOptions({
  state,
}: Pick<OpenAuthState, 'state'>): Pick<SocketConfig, 'auth' | 'makeSignalRepository' | 'transactionOpts'> {
  return {
    auth: state,
    makeSignalRepository: safeRepository(state.creds),
    transactionOpts: { maxCommitRetries: COMMIT_TRIES_MAX, delayBetweenTriesMs: COMMIT_TRY_AGAIN_AFTER_MS },
  }
}

/** The device's own turn comes first: who waits for a contact must hold up no other contact's turn. */
export function safeRepository(creds: Pick<AuthenticationCreds, 'me'>): MakeSignalRepository {
  return serialisedDecrypts(creds, contactTurns(loudReads(libsignalRepository)))
}
