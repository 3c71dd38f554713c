/** Addresses of contacts' devices. whatsmeow writes `user:device`, with `_1` behind the user of a LID
 *  (`types/jid.go`, `protocol/SignalProtocolAddress.go`). Baileys writes `user.device` with the same numbers
 *  of domains (`WABinary/jid-utils.js`). Pure.
 *
 *  Baileys looks a session up under the LID as soon as it knows the person's LID (`Signal/libsignal.js`).
 *  whatsmeow moves sessions there only when the person is next written to or heard from. So the sessions of
 *  such a person are moved here. */
import type { Fields } from './values.ts'

const PHONE = 0
const LID = 1
const HOSTED = 128
const HOSTED_LID = 129
const LID_OF: Readonly<Record<number, number>> = { [PHONE]: LID, [HOSTED]: HOSTED_LID }
const DOMAINS: readonly number[] = [PHONE, LID, HOSTED, HOSTED_LID]
const DIGITS = /^\d{1,32}$/

export interface Address {
  readonly user: string
  readonly domain: number
  readonly device: number
}

/** @returns undefined for an address that Baileys has no place for, such as a bot's */
export function addressFrom(text: string): Address | undefined {
  const [, user = '', domain = PHONE, device] = /^(\d{1,32})(?:_(\d{1,3}))?:(\d{1,5})$/.exec(text) ?? []
  const address = { user, domain: Number(domain), device: Number(device) }
  return user !== '' && DOMAINS.includes(address.domain) ? address : undefined
}

export function signalAddress({ user, domain, device }: Address): string {
  return `${userPart({ user, domain })}.${device}`
}

export function senderKeyId(group: string, { user, domain, device }: Address): string {
  return `${group}::${userPart({ user, domain })}::${device}`
}

function userPart({ user, domain }: Pick<Address, 'user' | 'domain'>): string {
  return domain === PHONE ? user : `${user}_${domain}`
}

/** Which phone number and which LID are one person. */
export interface Persons {
  readonly lidOf: ReadonlyMap<string, string>
  readonly phoneOf: ReadonlyMap<string, string>
}

/** @param rows of `whatsmeow_lid_map`; a row of another form is no pair */
export function personsFrom(rows: readonly Fields[]): Persons {
  const lidOf = new Map<string, string>()
  const phoneOf = new Map<string, string>()
  for (const row of rows) {
    const [lid, phone] = [String(row.lid), String(row.pn)]
    if (!DIGITS.test(lid) || !DIGITS.test(phone) || lidOf.has(phone) || phoneOf.has(lid)) continue
    lidOf.set(phone, lid)
    phoneOf.set(lid, phone)
  }
  return { lidOf, phoneOf }
}

/** The keys of type `lid-mapping`: both directions, as `Signal/lid-mapping.js` stores them. */
export function lidMappings({ lidOf }: Persons): Record<string, string> {
  return Object.fromEntries(
    [...lidOf].flatMap(([phone, lid]) => [
      [phone, lid],
      [`${lid}_reverse`, phone],
    ]),
  )
}

/** The address under which Baileys looks for the session: by LID when the person's LID is known. */
export function byLid(address: Address, { lidOf }: Persons): Address {
  const domain = LID_OF[address.domain]
  const lid = lidOf.get(address.user)
  return domain === undefined || lid === undefined ? address : { ...address, user: lid, domain }
}

/** The same device by its phone number; undefined for a phone number, and for an unknown person. */
export function byPhone(address: Address, { phoneOf }: Persons): Address | undefined {
  const user = phoneOf.get(address.user)
  if (user === undefined || address.domain in LID_OF) return undefined
  return { ...address, user, domain: address.domain === LID ? PHONE : HOSTED }
}

export function isByPhone({ domain }: Address): boolean {
  return domain in LID_OF
}
