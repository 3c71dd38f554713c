/**
 * Decides what a device does when its socket has closed. The close code says most of it. The socket's own
 * life says the rest: whether it had logged in, how many conflicts count, and whether a phone had accepted
 * the credentials.
 *
 * The decision is made once for each close, before the report. The report tells when the next try is, and the
 * connection then does what was decided. A second decision after the report was rejected: time passes in
 * between, and the two could differ. Pure: a wait is only named here. The caller knows the failures before
 * this one, and draws its length.
 */
import { afterDisconnect, CONFLICTS_MAX, STALLED } from '../whatsapp/disconnect.ts'

/** WhatsApp refuses a device as logged out until it has the last answer of its pairing. That answer takes
 *  another connection, and a first login can overtake it. The credentials are kept for this long. */
const PAIRING_ARRIVES_MS_MAX = 60_000

/** How a socket closed, as far as the next step depends on it. */
export interface Closed {
  /** 0 when no socket was opened. */
  readonly code: number
  /** How long WhatsApp bans the account, if the close said so. */
  readonly banMs?: number | undefined
  /** The socket had logged in. */
  readonly opened: boolean
  /** Conflicts that still count, this one included. */
  readonly conflicts: number
  /** WhatsApp refuses credentials that no phone had accepted: a pairing was abandoned. They are set aside. */
  readonly wasNeverAccepted: boolean
  /** A phone has accepted the credentials, and no login with them has succeeded since. */
  readonly unproven: boolean
}

/** Which rule sets the length of a wait. */
export type WaitRule =
  | 'none'
  /** Full jitter, whose bound doubles with each failure. */
  | 'backoff'
  /** The same with a bound of half an hour: the refusal seems not to pass, and WhatsApp may hold each try
   *  against the account. */
  | 'patient_backoff'
  /** After a conflict the other side gets time to settle. */
  | 'conflict_pause'
  /** WhatsApp has set the time. */
  | 'refusal'

export type NextStep =
  /** WhatsApp asks for a new connection, at the end of a pairing. */
  | { readonly do: 'reconnect_now' }
  /** The device connects again after the wait, unless it moves to another server while it has no socket
   *  anyway. */
  | { readonly do: 'reconnect'; readonly wait: 'backoff' | 'patient_backoff' }
  /** As `reconnect`. The socket had stalled, so that sends wait for the next one. */
  | { readonly do: 'replace'; readonly wait: 'none' }
  /** The last login wins at WhatsApp. A pause follows, then a permit is asked for, as before every
   *  connect. */
  | { readonly do: 'settle_conflict'; readonly wait: 'conflict_pause' }
  /** WhatsApp lets the device log in no sooner, on whichever server. */
  | { readonly do: 'wait_out_refusal'; readonly wait: 'refusal' }
  | { readonly do: 'release'; readonly because: 'logged_out' | 'stopped' | 'conflicted' }

/** WhatsApp does not know of the pairing yet, or never will. */
export function isRefusedUnproven({ code, unproven }: Pick<Closed, 'code' | 'unproven'>): boolean {
  return unproven && afterDisconnect(code).next === 'logged_out'
}

/** @param unprovenForMs how long ago WhatsApp first refused the unproven credentials; 0 when this is the
 *  first time */
export function nextStep(closed: Closed, unprovenForMs: number): NextStep {
  const { code, opened, conflicts, wasNeverAccepted } = closed
  if (wasNeverAccepted) return { do: 'reconnect', wait: 'backoff' }
  if (code === STALLED && opened) return { do: 'replace', wait: 'none' }
  if (isRefusedUnproven(closed) && unprovenForMs < PAIRING_ARRIVES_MS_MAX) {
    return { do: 'reconnect', wait: 'backoff' }
  }
  switch (afterDisconnect(code).next) {
    case 'reconnect_now':
      return { do: 'reconnect_now' }
    case 'reconnect_later':
      return { do: 'reconnect', wait: 'backoff' }
    case 'reconnect_patiently':
      return { do: 'reconnect', wait: 'patient_backoff' }
    case 'wait_for_ban':
    case 'wait_for_version':
      return { do: 'wait_out_refusal', wait: 'refusal' }
    case 'conflict':
      return conflicts < CONFLICTS_MAX
        ? { do: 'settle_conflict', wait: 'conflict_pause' }
        : { do: 'release', because: 'conflicted' }
    case 'logged_out':
      return { do: 'release', because: 'logged_out' }
    case 'stop':
      return { do: 'release', because: 'stopped' }
  }
}
