/** The seven repairs of Baileys and libsignal, and the order in which they wrap the repository. README.md
 *  beside this file tells each fault, what it did, and which test fails without its repair. */
import type { AuthenticationCreds } from '@whiskeysockets/baileys'
import type { Clock } from '../../../core/clock.ts'
import type { Inbox } from '../../auth-state/inbox.ts'
import type { DeviceWatch } from '../../stalls/device-watch.ts'
import { failOnUnread } from './fail-on-unread.ts'
import { giveBackPlaintexts, keepPlaintexts, type Stanzas } from './keep-plaintexts.ts'
import { keepUnusedSessions } from './keep-unused-sessions.ts'
import { oneAtATime } from './one-at-a-time.ts'
import { oneDevicePerContact } from './one-device-per-contact.ts'
import type { Repair } from './repository.ts'
import { type EarlyKeys, storeBeforeSend } from './store-before-send.ts'

export interface RepairParts {
  readonly creds: Pick<AuthenticationCreds, 'me'>
  readonly keys: Pick<EarlyKeys, 'setEarly'>
  readonly inbox: Inbox
  readonly stanzas: Stanzas
  readonly clock: Clock
  /** Closes the socket without another word. */
  readonly cut: () => void
  readonly watch: Pick<DeviceWatch, 'begin'>
}

/** @returns the repairs of one device, the innermost first */
export function repairsOf({
  creds,
  keys,
  inbox,
  stanzas,
  clock,
  cut,
  watch,
}: RepairParts): readonly Repair[] {
  return [
    // These two look at single reads and writes of libsignal, so nothing may stand between it and them.
    keepUnusedSessions,
    failOnUnread,
    // Inside the device's turn: while a device waits for a contact's turn, it holds no other contact's.
    oneDevicePerContact,
    // Outside the contact's turn: other devices that write to the contact do not wait for the store.
    storeBeforeSend(keys),
    // Inside the transaction of `oneAtATime`: the plaintext is stored before the commit uses up its key.
    keepPlaintexts(inbox, stanzas, clock),
    // Opens the transaction in which everything above runs.
    oneAtATime(creds, watch),
    // Outside the transaction: what a failed decrypt has changed is rolled back first. A wait for room in the
    // inbox does not hold the device's turn.
    giveBackPlaintexts(inbox, stanzas, clock, cut),
  ]
}
