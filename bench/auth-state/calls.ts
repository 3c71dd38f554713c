/** The calls that the real client makes to an auth state. They are recorded once, and made again to other
 *  auth states. */
import type { AuthenticationCreds, SignalDataSet, SignalDataTypeMap } from '@whiskeysockets/baileys'
import type { OpenAuthState } from '../../hosts/auth-state/auth-state.ts'
import type { KeptStanza } from '../../hosts/auth-state/inbox.ts'

export type Call =
  | { readonly ask: 'open' }
  | { readonly ask: 'get'; readonly type: keyof SignalDataTypeMap; readonly ids: string[] }
  | { readonly ask: 'set'; readonly data: SignalDataSet }
  | { readonly ask: 'save'; readonly creds: AuthenticationCreds }
  /** Calls to the inbox of decrypted messages, which Baileys' own auth states do not have. */
  | { readonly ask: 'keep'; readonly kept: KeptStanza }
  | { readonly ask: 'take'; readonly hashes: readonly string[] }

/** The same auth state, which also records each call. */
export function recording(auth: OpenAuthState, note: (call: Call) => void): OpenAuthState {
  const { creds, keys } = auth.state
  return {
    ...auth,
    state: {
      creds,
      keys: {
        get(type, ids) {
          note({ ask: 'get', type, ids })
          return keys.get(type, ids)
        },
        set(data) {
          note({ ask: 'set', data: structuredClone(data) })
          return keys.set(data)
        },
      },
    },
    inbox: {
      ...auth.inbox,
      keep(kept) {
        note({ ask: 'keep', kept })
        return auth.inbox.keep(kept)
      },
      take(hashes) {
        note({ ask: 'take', hashes })
        return auth.inbox.take(hashes)
      },
    },
    saveCreds() {
      note({ ask: 'save', creds: structuredClone(creds) })
      return auth.saveCreds()
    },
  }
}
