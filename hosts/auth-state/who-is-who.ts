/** Finds the other name of a person, and chooses the name by which the application is told of that person.
 *  The name is the same whichever way a message came. WhatsApp is never asked, since it may never answer: the
 *  names come from the store alone. */
import type { SignalKeyStore } from '@whiskeysockets/baileys'
import { isMooringError } from '../../core/errors.ts'
import type { Account } from '../../core/store/device-row.ts'
import type { OpenAuthState } from './auth-state.ts'
import type { NumberSet } from './inbox.ts'
import type { Names } from './names.ts'
import { areSame, type KnownNames, namesAmong, ownNames, userOf } from './names.ts'

export interface WhoIsWho {
  readonly account: Account
  /** @param known the names in the message
   *  @returns undefined for an address that is no person's, such as that of a group or a bot
   *  @throws what the store threw, since a guess would tell one person by two names */
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

/** @returns the LID, unless the person was told by number when no LID was known */
function personOf({ pn, lid }: KnownNames, byNumber: NumberSet): string | undefined {
  if (pn === undefined) return lid
  if (lid !== undefined && !byNumber.has(pn)) return lid
  byNumber.add(pn)
  return pn
}

/** Each name is looked up in the store once per socket. The cache of the auth state then has it, even an
 *  absent one. */
async function withStored(
  known: KnownNames,
  keys: Pick<SignalKeyStore, 'get'>,
  account: Account,
): Promise<KnownNames> {
  const { pn, lid } = known
  if ((pn === undefined) === (lid === undefined)) return known
  // the ids under which Baileys stores them
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
    // The item will not open tomorrow either, and the message has to go on.
    if (isMooringError(error, 'AUTH_ITEM_UNREADABLE')) return undefined
    throw error
  }
}
