/** What closed the socket decides what follows: by status code, never by text, since the text "Stream Errored (conflict)"
 *  stands for both 440 and a 401. */

/** This side closed it: an error that nobody caught in what the socket runs. WhatsApp's own codes end below 900. */
export const FAULT = 950

export type Disconnect =
  /** WhatsApp asks for a new login, as after pairing. */
  | { readonly next: 'reconnect_now' }
  | { readonly next: 'reconnect_later' }
  /** Another client logged in with these credentials. */
  | { readonly next: 'conflict' }
  | { readonly next: 'logged_out' }
  | { readonly next: 'stop'; readonly why: string }

/** Not of WhatsApp: this side closed the socket, since its work was not answered. */
export const STALLED = 951

const STOPPED_BY_WHATSAPP: Readonly<Record<number, string>> = {
  403: 'WhatsApp refuses this account (403, forbidden)',
  411: 'WhatsApp wants another kind of client for this account (411, multi-device mismatch)',
}

export function afterDisconnect(code: number): Disconnect {
  if (code === 515) return { next: 'reconnect_now' }
  if (code === 440) return { next: 'conflict' }
  if (code === 401) return { next: 'logged_out' }
  const why = STOPPED_BY_WHATSAPP[code]
  return why ? { next: 'stop', why } : { next: 'reconnect_later' }
}

/** This many conflicts within this time mean a client outside the fleet that keeps coming back. */
export const CONFLICTS_MAX = 3
export const CONFLICT_WINDOW_MS = 10 * 60_000

/** The conflicts that still count, the one of `nowMs` included. */
export function recentConflicts(before: readonly number[] | undefined, nowMs: number): number[] {
  return [...(before ?? []).filter((at) => nowMs - at < CONFLICT_WINDOW_MS), nowMs].slice(-CONFLICTS_MAX)
}
