/** Asks WhatsApp for everything that a send needs, before the send takes the device's lock. Under the lock
 *  Baileys would wait for each answer while nothing else is sent or decrypted. Queries for different contacts
 *  run side by side, so a contact for whom WhatsApp never answers holds up no other. */
import { type GroupMetadata, jidDecode, jidNormalizedUser, type WASocket } from '@whiskeysockets/baileys'
import type { Clock } from '../../core/clock.ts'
import type { DeviceLists } from './device-lists.ts'

/** Baileys' timer of a query may run a little early. */
const EARLY_MS = 50
/** The most groups whose members are remembered from the query to the send. */
const GROUPS_MAX = 500

type Asked = Pick<
  WASocket,
  'getUSyncDevices' | 'assertSessions' | 'groupMetadata' | 'signalRepository' | 'authState'
>

export interface SendQueries {
  /** Resolves when a send to `jid` needs no answer of WhatsApp any more, until `release` is called.
   *  @throws Error when WhatsApp has not answered */
  prepare(jid: string, waitsFor: (words: string) => void): Promise<{ release(): void }>
  /** Baileys' option of the same name. */
  cachedGroupMetadata(jid: string): Promise<GroupMetadata | undefined>
}

/** @param queryMsMax the time after which Baileys gives a query up and takes the missing answer for an empty
 *  one */
export function createSendQueries(
  clock: Clock,
  queryMsMax: number,
  lists: DeviceLists,
  sock: () => Asked,
): SendQueries {
  const underWay = new Map<string, Promise<unknown>>()
  const groups = new Map<string, GroupMetadata>()

  /** Sends that ask the same question at the same time share its answer. @throws Error when WhatsApp has not
   *  answered */
  function ask<Result>(what: string, query: () => Promise<Result>): Promise<Result> {
    const known = underWay.get(what)
    if (known) return known as Promise<Result>
    const begun = clock.mark()
    const answer = query()
      .then((result) => {
        if (clock.elapsedMs(begun) < queryMsMax - EARLY_MS) return result
        throw new Error('WhatsApp has not answered a query')
      })
      .finally(() => underWay.delete(what))
    underWay.set(what, answer)
    return answer
  }

  /** @returns the jids of all devices of these accounts */
  async function devicesOf(jids: readonly string[]): Promise<string[]> {
    const unknown = jids.filter((jid) => !lists.isFresh(userOf(jid)))
    if (unknown.length > 0) {
      await ask(`devices ${unknown.join(' ')}`, () => sock().getUSyncDevices([...unknown], false, false))
      for (const user of unknown.map(userOf)) if (!lists.isFresh(user)) hasNone(user)
    }
    const found = await sock().getUSyncDevices([...jids], true, false)
    return found.map(({ jid }) => jid)
  }

  /** Gives this send an empty list, which the next send asks for again. Baileys keeps no list of a contact
   *  without devices, and would ask once more under the lock. */
  function hasNone(user: string): void {
    lists.set(user, [])
    lists.del(user)
  }

  async function sessionsWith(devices: readonly string[]): Promise<void> {
    const { me } = sock().authState.creds
    const others = devices.filter((jid) => jid !== me?.id && jid !== me?.lid)
    const missing = await withoutSession(others)
    if (missing.length > 0)
      await ask(`keys ${missing.join(' ')}`, () => sock().assertSessions(missing, false))
  }

  async function withoutSession(devices: readonly string[]): Promise<string[]> {
    const found = await Promise.all(devices.map((jid) => sock().signalRepository.validateSession(jid)))
    return devices.filter((_, at) => !found[at]?.exists)
  }

  function ownJid(jid: string): string {
    const { me } = sock().authState.creds
    if (!me) throw new Error('the device is not linked')
    return jidNormalizedUser(jid.endsWith('@lid') && me.lid ? me.lid : me.id)
  }

  async function membersOf(group: string): Promise<string[]> {
    const metadata = await ask(`group ${group}`, () => sock().groupMetadata(group))
    groups.delete(group)
    groups.set(group, metadata)
    for (const oldest of groups.keys()) if (groups.size > GROUPS_MAX) groups.delete(oldest)
    return metadata.participants.map(({ id }) => jidNormalizedUser(id))
  }

  return {
    async prepare(jid, waitsFor) {
      const isGroup = jid.endsWith('@g.us')
      if (isGroup) waitsFor("a message to send waits for WhatsApp's answer about the group")
      const contacts = isGroup ? await membersOf(jid) : [jidNormalizedUser(jid)]
      const own = ownJid(jid)
      const pinned = lists.pin([...contacts, own].map(userOf))
      try {
        waitsFor("a message to send waits for WhatsApp's answer about the devices of its contact")
        // Asked for apart from the contacts: the answer about the account's own devices serves all sends.
        const [theirs, ours] = await Promise.all([devicesOf(contacts), isGroup ? [] : devicesOf([own])])
        waitsFor("a message to send waits for WhatsApp's answer about the keys of its contact")
        await Promise.all([sessionsWith(theirs), sessionsWith(ours)])
        return pinned
      } catch (error) {
        pinned.release()
        throw error
      }
    },
    async cachedGroupMetadata(jid) {
      return groups.get(jid)
    },
  }
}

function userOf(jid: string): string {
  return jidDecode(jid)?.user ?? jid
}
