/** Lists every code that can end or refuse a device's socket: WhatsApp's, Baileys', and Mooring's own from
 *  950 on. disconnect.ts acts by this table, and a device's row and history show its words.
 *  docs/operations.md shows it as a table, which a test compares. */
import type { EventName } from '../../core/catalogue.ts'

/** An error that nobody caught in the work of the socket. WhatsApp's own codes end below 900. */
export const FAULT = 950
/** WhatsApp left work of the socket unanswered for too long. */
export const STALLED = 951
/** WhatsApp was not reached, or something in between answered. */
export const UNREACHED = 952
/** WhatsApp's code cannot be read. */
export const UNREADABLE = 953

/** The step of the device after the close, in the words of the table in the docs. */
export const FOLLOWS = {
  reconnect_now: 'it connects again at once',
  reconnect_later: 'it is tried again soon',
  reconnect_patiently: 'it is tried again, more and more rarely',
  wait_for_version: 'it is tried again every 10 to 30 minutes, and at once by a server with another version',
  wait_for_ban: 'it waits until the ban is over, whichever server has it; `retryAt` says when',
  conflict: 'it is tried again after 3 s; after three within ten minutes it is `conflicted`',
  logged_out: 'it is `logged_out`; its credentials are archived',
  stop: 'it is `stopped`; its credentials are kept',
} as const
export type Follows = keyof typeof FOLLOWS

export interface CloseCode {
  readonly name: string
  /** The rest of a sentence that begins with "it has no socket: ". */
  readonly says: string
  readonly follows: Follows
  /** The task of the operator; absent when there is none. */
  readonly operator?: string
  /** The event of a refusal that the operator may have to look at. */
  readonly event?: EventName
  /** The reason of the close is Mooring's own, and tells more than `says`. */
  readonly hasReason?: boolean
}

const VERSION =
  'set `WHATSAPP_VERSION` (option `whatsappVersion`) to the version that web.whatsapp.com has now'

/** A code that concerns one account and is clearly final stops the device (403, 411) or logs it out (401,
 *  406). After every other code the device is tried again. An incident or a change at WhatsApp can answer any
 *  code to the whole fleet. A fleet of stopped devices would have to be started by hand. The tries differ in
 *  how often they come. WhatsApp may hold repeated refused logins against an account. So a refusal is tried
 *  more and more rarely, and a lost connection as before. */
export const CLOSE_CODES: Readonly<Record<number, CloseCode>> = {
  0: { name: 'closed', says: 'this server closed it', follows: 'reconnect_later' },
  // It comes without a reason of its own, and nothing says that it is final.
  400: {
    name: 'generic',
    says: 'WhatsApp refuses the login without a reason',
    follows: 'reconnect_patiently',
    operator:
      'if it lasts, check on the phone whether the device is still linked; if so, log it out and link it again',
    event: 'device.login_refused',
  },
  401: {
    name: 'logged_out',
    says: 'the phone, or WhatsApp, has logged the device out',
    follows: 'logged_out',
  },
  402: {
    name: 'temporary_ban',
    says: 'WhatsApp has banned the account for a while',
    follows: 'wait_for_ban',
    operator:
      'have the account send less and to people who know it; `start` tries at once, which can lengthen the ban',
    event: 'device.banned',
  },
  // The account itself is gone, so trying again is of no use. Its credentials cost nothing to keep.
  403: {
    name: 'main_device_gone',
    says: 'WhatsApp refuses this account: it is gone from its phone, or locked',
    follows: 'stop',
    operator: 'open WhatsApp on the phone and do what it says',
    event: 'device.login_refused',
  },
  // It meets every device of the fleet. Another version is the remedy, so a server that has one asks at once.
  405: {
    name: 'client_outdated',
    says: 'WhatsApp does not take this version of the client any more: no device of the fleet can log in',
    follows: 'wait_for_version',
    operator: VERSION,
    event: 'device.client_outdated',
  },
  // It is as final as 401, but no operator asked for it. The credentials may be of use again and stay in the
  // archive.
  406: {
    name: 'logged_out_unknown',
    says: 'WhatsApp has logged the device out and does not say why',
    follows: 'logged_out',
    operator: 'open WhatsApp on the phone and read what it says about the account',
    event: 'device.logout_unknown',
  },
  408: { name: 'timed_out', says: 'WhatsApp did not answer in time', follows: 'reconnect_later' },
  // The client describes itself by its version, so this concerns the fleet, as 405 does.
  409: {
    name: 'bad_user_agent',
    says: 'WhatsApp does not take the description of the client',
    follows: 'wait_for_version',
    operator: VERSION,
    event: 'device.login_refused',
  },
  411: {
    name: 'multi_device_mismatch',
    says: 'WhatsApp wants another kind of client for this account',
    follows: 'stop',
    operator: 'update WhatsApp on the phone; if it is refused again then, log it out and link it again',
    event: 'device.login_refused',
  },
  // Mooring's clients log in without such a token, so only WhatsApp can end these two.
  413: {
    name: 'client_token_expired',
    says: "WhatsApp says that the client's token has expired",
    follows: 'reconnect_patiently',
    operator: 'if it lasts, log it out and link it again',
    event: 'device.login_refused',
  },
  414: {
    name: 'client_token_invalid',
    says: "WhatsApp says that the client's token is invalid",
    follows: 'reconnect_patiently',
    operator: 'if it lasts, log it out and link it again',
    event: 'device.login_refused',
  },
  // It can mean that the device is gone, but is not the code for that. Credentials are given up by 401 and
  // 406 alone.
  415: {
    name: 'not_found',
    says: 'WhatsApp does not find this device',
    follows: 'reconnect_patiently',
    operator:
      'check on the phone whether the device is still linked; if not, log it out here and link it again',
    event: 'device.login_refused',
  },
  418: {
    name: 'client_unknown',
    says: 'WhatsApp does not know this client',
    follows: 'reconnect_patiently',
    operator:
      'check on the phone whether the device is still linked; if not, log it out here and link it again',
    event: 'device.login_refused',
  },
  428: {
    name: 'connection_closed',
    says: 'the connection to WhatsApp was closed',
    follows: 'reconnect_later',
  },
  440: {
    name: 'replaced',
    says: 'another client has logged in with the credentials of this device',
    follows: 'conflict',
    operator: 'end the other client if it is not part of this fleet',
  },
  500: { name: 'internal_error', says: 'WhatsApp had an error of its own', follows: 'reconnect_later' },
  501: {
    name: 'experimental',
    says: 'WhatsApp takes part of its clients out of service for a trial',
    follows: 'reconnect_patiently',
    operator: `if it lasts, ${VERSION}`,
    event: 'device.login_refused',
  },
  503: { name: 'unavailable', says: 'WhatsApp is not available at the moment', follows: 'reconnect_later' },
  515: { name: 'restart_required', says: 'WhatsApp asks for a new login', follows: 'reconnect_now' },
  [FAULT]: {
    name: 'fault',
    says: "an error in this socket's own work ended it",
    follows: 'reconnect_later',
    operator: 'if it comes again and again, report it with the log of the server',
    hasReason: true,
  },
  [STALLED]: {
    name: 'stalled',
    says: 'WhatsApp left its requests unanswered, and this server replaces the socket',
    follows: 'reconnect_later',
    hasReason: true,
  },
  // A proxy that answers 401 or 403 must neither log a device out nor stop it.
  [UNREACHED]: {
    name: 'unreached',
    says: 'WhatsApp could not be reached, or something in between has answered',
    follows: 'reconnect_later',
    operator: 'if it lasts, look at the network of the servers and at `WHATSAPP_URL`',
    hasReason: true,
  },
  [UNREADABLE]: {
    name: 'unreadable',
    says: 'WhatsApp closed it with a code that cannot be read',
    follows: 'reconnect_patiently',
    event: 'device.login_refused',
  },
}

/** The entry of a code that is not in the table. */
export const UNKNOWN_REFUSAL: CloseCode = {
  name: 'unknown',
  says: 'WhatsApp closed it with a code that Mooring does not know',
  follows: 'reconnect_patiently',
  operator: 'if it lasts, open WhatsApp on the phone and read what it says; report the code',
  event: 'device.login_refused',
}

/** The reasons of a ban (402), by the `code` that comes with it. */
export const BAN_REASONS: Readonly<Record<number, string>> = {
  101: 'it wrote to too many people who have not saved its number',
  102: 'too many people have blocked it',
  103: 'it made too many groups with people who have not saved its number',
  104: 'it sent one text to too many people',
  106: 'it wrote too much to broadcast lists',
}

/** The operator's next step. The table shows it after `operator`; an explanation already says it. */
const THEN: { readonly [F in Follows]?: string } = {
  logged_out: 'start it to link it again',
  stop: 'start it to connect it',
}

/** The table as docs/operations.md shows it. */
export function closeCodesAsMarkdown(): string {
  const row = (code: string, { name, says, follows, operator }: CloseCode) => {
    const steps = [operator, THEN[follows]].filter((step) => step !== undefined)
    const toDo = steps.length > 0 ? steps.join('; ') : 'nothing'
    return `| ${code} | \`${name}\` | ${says} | ${FOLLOWS[follows]} | ${toDo} |`
  }
  return [
    '| code | name | means | what follows | what to do |',
    '|---|---|---|---|---|',
    ...Object.entries(CLOSE_CODES).map(([code, entry]) => row(code, entry)),
    row('any other', UNKNOWN_REFUSAL),
  ].join('\n')
}
