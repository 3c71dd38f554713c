/** Groups: their members, the notifications to members' devices, and which device has which sender key. */
import { randomInt } from 'node:crypto'
import { type BinaryNode, jidEncode } from '@whiskeysockets/baileys'
import type { Account } from './accounts.ts'
import { type Addressing, nameOf } from './addressing.ts'
import { SimulatorError } from './errors.ts'
import type { Phone, Phones } from './phones.ts'
import { node } from './stanzas.ts'

const GROUPS_MAX = 1000
const MEMBERS_MAX = 1024
const FIRST_GROUP = 120_363_000_000_000_000n
/** A group's id holds the end of its creator's number. So groups of creators whose numbers lie apart can be
 *  brought together from several data files. */
const CREATOR_DIGITS = 1_000_000n
const IDS_OF_CREATOR = 1000n

export type Role = 'superadmin' | 'admin' | 'member'

export interface Group {
  readonly jid: string
  readonly addressing: Addressing
  readonly createdAtS: number
  subject: string
  /** Roles by phone number. */
  readonly members: Map<string, Role>
  /** @returns whether the device had the phone's sender key already; from now on it has the key */
  knowsKeyOf(phone: Phone, account: Account): boolean
}

export interface GroupSummary {
  readonly jid: string
  readonly subject: string
  readonly addressing: Addressing
  readonly members: readonly { readonly phoneNumber: string; readonly role: Role }[]
}

export const GROUP_CHANGES = ['add', 'remove', 'promote', 'demote'] as const
export type GroupChange = (typeof GROUP_CHANGES)[number]

export interface SavedGroup extends Omit<Group, 'members' | 'knowsKeyOf'> {
  readonly members: readonly (readonly [string, Role])[]
  /** The phones and devices of `knowsKeyOf`. */
  readonly known: readonly string[]
}

export interface Groups {
  /** The first member is the creator.
   *  @throws SimulatorError BAD_REQUEST */
  create(subject: string, members: readonly string[], addressing: Addressing, atS: number): Group
  /** @throws SimulatorError UNKNOWN_GROUP */
  find(jid: string): Group
  byJid(jid: string): Group | undefined
  ofPhone(number: string): Group[]
  all(): Group[]
  save(): SavedGroup[]
  restore(saved: readonly SavedGroup[]): void
}

export function makeGroups(changed: () => void): Groups {
  const byJid = new Map<string, Group>()
  const knownOf = new Map<string, Set<string>>()

  const add = ({ members, known: saved, ...group }: SavedGroup): Group => {
    const known = new Set(saved)
    const added: Group = {
      ...group,
      members: new Map(members),
      knowsKeyOf(phone, account) {
        const key = `${phone.number} ${account.jid}`
        const knew = known.has(key)
        known.add(key)
        return knew
      },
    }
    byJid.set(group.jid, added)
    knownOf.set(group.jid, known)
    return added
  }
  return {
    create(subject, numbers, addressing, createdAtS) {
      if (byJid.size >= GROUPS_MAX)
        throw new SimulatorError('BAD_REQUEST', `there are ${GROUPS_MAX} groups already`)
      if (numbers.length === 0 || numbers.length > MEMBERS_MAX) {
        throw new SimulatorError('BAD_REQUEST', `a group has 1 to ${MEMBERS_MAX} members`)
      }
      changed()
      return add({
        jid: freeJid(byJid, numbers[0] ?? ''),
        addressing,
        createdAtS,
        subject,
        members: numbers.map((number, place) => [number, place === 0 ? 'superadmin' : 'member']),
        known: [],
      })
    },
    find(jid) {
      const group = byJid.get(jid)
      if (!group) throw new SimulatorError('UNKNOWN_GROUP', `there is no group ${jid}`)
      return group
    },
    byJid: (jid) => byJid.get(jid),
    ofPhone: (number) => [...byJid.values()].filter(({ members }) => members.has(number)),
    all: () => [...byJid.values()],
    save: () =>
      [...byJid.values()].map(({ knowsKeyOf: _, members, ...group }) => ({
        ...group,
        members: [...members],
        known: [...(knownOf.get(group.jid) ?? [])],
      })),
    restore(saved) {
      for (const group of saved) add(group)
    },
  }
}

function freeJid(taken: ReadonlyMap<string, Group>, creator: string): string {
  const jidOf = (id: bigint) => jidEncode(String(id), 'g.us')
  let id = FIRST_GROUP + (BigInt(creator) % CREATOR_DIGITS) * IDS_OF_CREATOR
  while (taken.has(jidOf(id))) id++
  return jidOf(id)
}

export function summaryOf({ jid, subject, addressing, members }: Group): GroupSummary {
  return {
    jid,
    subject,
    addressing,
    members: [...members].map(([phoneNumber, role]) => ({ phoneNumber, role })),
  }
}

/** The answer to a query about the group. */
export function groupNode(group: Group, phones: Phones): BinaryNode {
  const { jid, subject, addressing, createdAtS, members } = group
  const [creator] = members.keys()
  const at = String(createdAtS)
  const attrs = {
    id: jid.split('@')[0] ?? jid,
    subject,
    s_t: at,
    creation: at,
    addressing_mode: addressing,
    size: String(members.size),
    ...(creator !== undefined && { creator: nameOf(phones.withNumber(creator), addressing) }),
  }
  return node(
    'group',
    attrs,
    [...members.keys()].map((number) => memberNode(group, phones.withNumber(number))),
  )
}

/** A change of the group, as its notification carries it. */
export function changeNode(
  group: Group,
  change: GroupChange,
  numbers: readonly string[],
  phones: Phones,
): BinaryNode {
  return node(
    change,
    {},
    numbers.map((number) => memberNode(group, phones.withNumber(number))),
  )
}

/** @param author the member who made the change */
export function groupNotification(group: Group, author: Phone, change: BinaryNode, atS: number): BinaryNode {
  const byLid = group.addressing === 'lid'
  const attrs = {
    from: group.jid,
    type: 'w:gp2',
    id: String(randomInt(2 ** 40)),
    participant: nameOf(author, group.addressing),
    ...(byLid && { participant_pn: author.jid }),
    addressing_mode: group.addressing,
    t: String(atS),
    notify: 'Simulated phone',
  }
  return node('notification', attrs, [change])
}

function memberNode({ addressing, members }: Group, phone: Phone): BinaryNode {
  const role = members.get(phone.number) ?? 'member'
  return node('participant', {
    jid: nameOf(phone, addressing),
    ...(addressing === 'lid' ? { phone_number: phone.jid } : { lid: nameOf(phone, 'lid') }),
    ...(role !== 'member' && { type: role }),
  })
}
