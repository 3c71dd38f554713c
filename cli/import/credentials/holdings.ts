/** Tells what the credentials of a device hold, and what it would lose by an import. Pure. */
import type { Account } from '../../../core/store/device-row.ts'
import type { KeysByType } from '../../../hosts/auth-state/whole-state.ts'

export interface Holdings {
  readonly jid: string
  readonly lid?: string
  readonly hasRegistrationId: boolean
  readonly preKeys: number
  /** Pre-keys that were uploaded and are not used: WhatsApp may hand them to contacts. */
  readonly preKeysUploaded: number
  readonly sessions: number
  readonly senderKeys: number
  readonly appStateKeys: number
  readonly appStateVersions: number
  readonly lidMappings: number
  /** Keys of all other types. */
  readonly other: number
  /** Sentences on what is missing or left out. */
  readonly losses: readonly string[]
}

/** What holdings are counted from. */
export interface Held {
  readonly creds: unknown
  readonly keys: KeysByType
  readonly account: Account
  readonly leftOut: readonly string[]
}

const COUNTED = [
  'pre-key',
  'session',
  'sender-key',
  'app-state-sync-key',
  'app-state-sync-version',
  'lid-mapping',
]

export function holdingsOf(held: Held): Holdings {
  const { keys, account } = held
  const creds = held.creds as {
    readonly registrationId?: unknown
    readonly firstUnuploadedPreKeyId?: unknown
  }
  const ids = (type: string) => Object.keys(keys[type] ?? {})
  const firstUnuploaded =
    typeof creds.firstUnuploadedPreKeyId === 'number' ? creds.firstUnuploadedPreKeyId : 0
  const others = Object.keys(keys).filter((type) => !COUNTED.includes(type))
  return {
    jid: account.jid,
    ...(account.lid === undefined ? {} : { lid: account.lid }),
    hasRegistrationId: typeof creds.registrationId === 'number',
    preKeys: ids('pre-key').length,
    preKeysUploaded: ids('pre-key').filter((id) => Number(id) < firstUnuploaded).length,
    sessions: ids('session').length,
    senderKeys: ids('sender-key').length,
    appStateKeys: ids('app-state-sync-key').length,
    appStateVersions: ids('app-state-sync-version').length,
    lidMappings: ids('lid-mapping').length,
    other: others.reduce((sum, type) => sum + ids(type).length, 0),
    losses: [...held.leftOut, ...missing(held)],
  }
}

function missing({ creds, keys }: Held): string[] {
  const has = (type: string) => Object.keys(keys[type] ?? {}).length > 0
  if (!Object.keys(keys).some(has)) {
    return ['it has no keys: the first messages from each contact need a second try']
  }
  const { myAppStateKeyId: newest } = creds as { readonly myAppStateKeyId?: unknown }
  const isNewestMissing =
    typeof newest === 'string' && !Object.hasOwn(keys['app-state-sync-key'] ?? {}, newest)
  return [
    ...ofAnotherTime(creds, Object.keys(keys['pre-key'] ?? {}).map(Number)),
    ...(has('pre-key') ? [] : ['it has no pre-keys: the first messages from new contacts need a second try']),
    ...(has('session') ? [] : ['it has no sessions: the next messages from each contact need a second try']),
    ...(has('app-state-sync-key')
      ? isNewestMissing
        ? ['its newest app state key is missing: changes of chats and contacts wait until the phone sends it']
        : []
      : ['it has no app state keys: changes of chats and contacts wait until the phone sends the keys']),
  ]
}

/** Creds count the pre-keys. Where the newest pre-key is not the one counted last, creds and keys were copied
 *  at two times. The last one is hardly ever used up: a device makes new ones while some are left. */
function ofAnotherTime(creds: unknown, preKeys: readonly number[]): string[] {
  const { nextPreKeyId: next } = creds as { readonly nextPreKeyId?: unknown }
  if (typeof next !== 'number' || preKeys.length === 0) return []
  const newest = preKeys.reduce((one, other) => Math.max(one, other))
  if (newest >= next) {
    return [
      `its creds are older than its keys (they count pre-keys up to ${next - 1}, and ${newest} is there): ` +
        'new pre-keys replace some that contacts use; copy both again while the old system is stopped',
    ]
  }
  if (newest === next - 1) return []
  return [
    `its keys are older than its creds, or its newest pre-keys are lost (they count pre-keys up to ` +
      `${next - 1}, and ${newest} is the newest): ` +
      'messages may need a second try; copy both again while the old system is stopped',
  ]
}
