/** The other name of a person, from what is stored: WhatsApp is never asked, since an answer may never come. And the one
 *  name of the two by which a person is told, the same whichever way a message came. */
import type { SignalKeyStore } from '@whiskeysockets/baileys'
import { isMooringError } from '../../core/errors.ts'
import type { Account } from '../../core/store/device-row.ts'
import type { OpenAuthState } from './auth-state.ts'
import type { NumberSet } from './inbox.ts'
import type { Names } from './names.ts'
import { areSame, type KnownNames, namesAmong, ownNames, userOf } from './names.ts'

export interface WhoIsWho {
  readonly account: Account
  /** @param known what the message says; @returns undefined for what is no person, as a group or a bot
   *  @throws what the store threw: a guess would tell one person by two names */
  named(known: KnownNames): Promise<Names | undefined>
}

interface Sources {
  readonly state: { readonly keys: Pick<SignalKeyStore, 'get'> }
  readonly inbox: Pick<OpenAuthState['inbox'], 'byNumber'>
}

export function whoIsWho({ state: { keys }, inbox: { byNumber } }: Sources, account: Account): WhoIsWho {
  return {
    account,
    async named(known) {
      const names = await withStored(known, keys, account)
      const person = personOf(names, byNumber)
      return person === undefined ? undefined : { ...names, person }
    },
  }
}

/** The LID, unless the person was told by number when no LID was known. */
function personOf({ pn, lid }: KnownNames, byNumber: NumberSet): string | undefined {
  if (pn === undefined) return lid
  if (lid !== undefined && !byNumber.has(pn)) return lid
  byNumber.add(pn)
  return pn
}

/** Each name is looked up once per socket: then the auth state's cache has it, also when nothing is stored. */
async function withStored(
  known: KnownNames,
  keys: Pick<SignalKeyStore, 'get'>,
  account: Account,
): Promise<KnownNames> {
  const { pn, lid } = known
  if ((pn === undefined) === (lid === undefined)) return known
  // as Baileys stores them
  const other =
    pn === undefined
      ? { pn: `${await stored(keys, `${userOf(lid ?? '')}_reverse`)}@s.whatsapp.net` }
      : { lid: `${await stored(keys, userOf(pn))}@lid` }
  const found = namesAmong([other.pn, other.lid])
  return areSame(found, ownNames(account)) ? known : { ...known, ...found }
}

async function stored(keys: Pick<SignalKeyStore, 'get'>, id: string): Promise<unknown> {
  try {
    return (await keys.get('lid-mapping', [id]))[id]
  } catch (error) {
    // It will not open tomorrow either, and the message has to go on.
    if (isMooringError(error, 'AUTH_ITEM_UNREADABLE')) return undefined
    throw error
  }
}
