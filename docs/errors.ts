/** Writes docs/errors.md: every error code with its HTTP status, when it happens, and what to do. `npm run
 *  docs` writes the page; test/docs/errors.test.ts fails while the page differs. A code without an
 *  explanation does not compile. */
import { writeFileSync } from 'node:fs'
import { INTERNAL_CODES, type InternalCode, PUBLIC_CODES, type PublicCode } from '../core/errors.ts'
import { SERVER_STATUS } from '../hosts/server/statuses.ts'
import { API_STATUS } from '../lambdas/api/statuses.ts'

export const ERRORS_PAGE = new URL('errors.md', import.meta.url)

interface Explanation {
  readonly when: string
  /** For the caller, or for the operator. */
  readonly action: string
}

const EXPLANATIONS: Readonly<Record<PublicCode, Explanation>> = {
  BAD_REQUEST: {
    when: 'The path, the query or the body does not match its schema.',
    action: 'Correct the fields that `message` names.',
  },
  MALFORMED_JSON: { when: 'The body is not valid JSON.', action: 'Send valid JSON.' },
  BAD_CURSOR: {
    when: 'The cursor was not given by this listing, or was given with other filters.',
    action: 'Pass `next` unchanged, with the same filters, or begin without a cursor.',
  },
  API_KEY_MISSING: {
    when: 'The request has no API key.',
    action: 'Send a key in the header `X-Api-Key`.',
  },
  API_KEY_UNKNOWN: {
    when: 'The API key is not stored, or was deleted more than a minute ago.',
    action: 'Use a key that exists. A new key works at once.',
  },
  SCOPE_TOO_LOW: {
    when: 'The route needs a higher scope than the scope of the key.',
    action: 'Use a key of the scope that `message` names.',
  },
  ROUTE_NOT_FOUND: {
    when: 'No route has this method and path.',
    action: 'Look up the route at `GET /openapi.json`. A server has its own routes: see docs/operations.md.',
  },
  DEVICE_NOT_FOUND: {
    when: 'No device has this id: it was never registered, or it is erased.',
    action: 'Check the id, or register the device.',
  },
  SERVER_NOT_FOUND: {
    when: 'No row of a server has this id. The rows of dead and stopped servers are kept for a while only.',
    action: 'Look up the present ids at `GET /servers`: a `serverId` is new at every start.',
  },
  OPERATION_NOT_FOUND: {
    when: 'No operation has this id. An operation is kept for a week after its end.',
    action: 'Look up the running operations at `GET /operations`.',
  },
  QR_NOT_READY: {
    when: 'The device has no valid QR at the moment.',
    action: 'Ask again in a second or two. `message` says why there is none.',
  },
  PAIRING_CODE_NOT_READY: {
    when: 'The server of the device has not answered with a pairing code within 8 s, or the device has no server.',
    action: 'Ask again with the same phone number. `message` says why there is none.',
  },
  ALREADY_PAIRED: {
    when: 'The device is linked to a phone, so it has neither a QR nor a pairing code.',
    action: 'Log the device out first if it is to be linked again.',
  },
  DEVICE_NOT_RUNNING: {
    when: 'The device is stopped, and the request needs a running device.',
    action: 'Start the device first.',
  },
  DEVICE_BEING_DELETED: {
    when: 'A request to delete the device was accepted.',
    action: 'Wait until `GET /devices/{deviceId}` answers 404; then the id can be registered again.',
  },
  DEVICE_BEING_IMPORTED: {
    when: 'An import of credentials for this device has begun and not finished.',
    action: 'Wait for the import. If it has ended early, run it again.',
  },
  DEVICE_NOT_STOPPED: {
    when: '`mooring export` was asked for a device that a server may still use.',
    action: 'Stop the device, and export it when its server has released it.',
  },
  DEVICE_NAME_DIFFERS: {
    when: 'The device is registered already, under another name.',
    action: 'Leave the name out, give the stored name, or choose another id.',
  },
  DEVICE_QUARANTINED: {
    when: 'The device is in quarantine, because several servers may have died of it.',
    action: 'Find the cause, then start the device: that ends the quarantine.',
  },
  SERVER_NOT_ACTIVE: {
    when: 'The server is joining, draining, dead or stopped.',
    action: 'Name an active server, or none.',
  },
  SERVER_FULL: {
    when: 'The server has as many devices as its capacity.',
    action: 'Name another server, or none.',
  },
  SERVER_LEAVING: {
    when: 'The server is leaving the fleet, so it can neither be drained nor be kept.',
    action: 'Wait until it has left. Its devices move by themselves.',
  },
  SERVER_STILL_BEATING: {
    when: 'The server to evict beats, so it may hold sockets.',
    action: 'Drain the server, or pass `stopTask`, or ask again after it has been silent for the bury time.',
  },
  SERVER_HAS_NO_TASK: {
    when: '`stopTask` was passed for a server that runs in no ECS task.',
    action: 'End the process of the server, or drain the server.',
  },
  TASK_NOT_STOPPED: {
    when: 'ECS did not accept the stop of the task.',
    action: 'Look for `task.stop_failed` in the log, and try again.',
  },
  NO_ROOM_TO_DRAIN: {
    when: 'The other active servers have less room than this server has devices.',
    action: 'Start another server first, or pass `partly`: the rest then waits for room.',
  },
  NOT_DRAINING: { when: 'No drain of this server is running.', action: 'There is nothing to cancel.' },
  NOT_RESTARTING: { when: 'No rolling restart is running.', action: 'There is nothing to stop.' },
  BODY_TOO_LARGE: { when: 'The body has more than 64 KiB.', action: 'Send a smaller body.' },
  UNSUPPORTED_MEDIA_TYPE: {
    when: 'The body has another content type than JSON.',
    action: 'Send the header `Content-Type: application/json`.',
  },
  STORE_BUSY: {
    when: 'DynamoDB did not answer in time, or other writers kept changing the same row.',
    action: 'Repeat the request after the seconds in `Retry-After`.',
  },
  INTERNAL: {
    when: 'An unexpected error happened.',
    action:
      'Look into the log: `request.failed` of the `api` Lambda has the error, or the log of the server.',
  },
  SIGNATURE_INVALID: {
    when: 'The signature of a ring or of a send does not match its body, or its time is not the present.',
    action: 'Sign with the present secret, over the exact bytes, and check the clock.',
  },
  SERVER_STARTING: {
    when: 'The server has not joined the fleet yet.',
    action: 'Try again in a moment. A ring is not needed: a starting server looks by itself.',
  },
  FOREIGN_HOST: {
    when: 'The header `Host` names neither an address nor this machine, as in a request of a web page.',
    action: 'Call the port by its address.',
  },
  FOREIGN_ORIGIN: {
    when: 'A web page made the request.',
    action: 'Call from a program: no web page may call a server or the local fleet.',
  },
  DEVICE_NOT_HERE: {
    when: 'This server does not own the device.',
    action:
      'Ask `GET /devices/{deviceId}` for the owner, and send to that server under the same `messageId`.',
  },
  DEVICE_NOT_CONNECTED: {
    when: 'The device has no socket at the moment.',
    action: 'Send again when the device is connected, under the same `messageId`.',
  },
  SEND_REFUSED: {
    when: 'WhatsApp refuses the message for good.',
    action: 'Do not repeat the message. `message` has the reason that WhatsApp gave.',
  },
  SEND_UNCONFIRMED: {
    when: 'WhatsApp has not confirmed the message in time.',
    action: 'Send again under the same `messageId`, to the server that owns the device then.',
  },
  SEND_QUEUE_FULL: {
    when: 'Too many messages of the device, or to the chat, wait for the answer of WhatsApp.',
    action: 'Send again in some seconds, under the same `messageId`.',
  },
  NOT_ON_WHATSAPP: {
    when: 'The phone number has no account at WhatsApp.',
    action: 'Check the number. Do not repeat the message.',
  },
  STALE_EPOCH: {
    when: 'A newer socket of the device exists, so this socket may not use the auth state.',
    action: 'Send again under the same `messageId`, to the server that owns the device now.',
  },
  LEASE_OVER: {
    when: 'The lease of the server ended while it worked for the device.',
    action: 'Send again under the same `messageId`, to the server that owns the device now.',
  },
  AUTH_STATE_CLOSED: {
    when: 'The socket of the device was closed while it worked for the device.',
    action: 'Send again under the same `messageId`.',
  },
  CREDENTIALS_UNREADABLE: {
    when: 'The stored credentials are missing or damaged, or no present key opens them.',
    action:
      'Give the servers the right wrapping key, or log the device out and link it again. The servers keep ' +
      'trying meanwhile.',
  },
  DATA_KEY_UNAVAILABLE: {
    when: 'The data key of the device cannot be had: KMS did not answer, or refused.',
    action: 'Check KMS and the permissions of the servers. The device is tried again by itself.',
  },
  AUTH_ITEM_UNREADABLE: {
    when: 'One item of the auth state is damaged, or no present key opens it.',
    action:
      'Look for `device.auth_item_unreadable` in the log. If it lasts, log the device out and link it again.',
  },
  AUTH_ITEM_TOO_LARGE: {
    when: 'An item of the auth state would pass the limit of 350 KB.',
    action: 'Look for `device.auth_item_too_large` in the log: it names the kind of the item.',
  },
  SERVER_NAME_TAKEN: {
    when: 'A server that starts finds its `SERVER_NAME` held by another server. The process ends.',
    action: 'Stop the other server, or give this one another name. A silent holder is freed by the sweep.',
  },
  SERVER_URL_TAKEN: {
    when: 'A server that starts finds its `SERVER_URL` held by another server. The process ends.',
    action: 'Stop the other server, or give this one another URL. A silent holder is freed by the sweep.',
  },
  SERVER_DEAD: {
    when: 'A server was buried before it had joined. The process ends.',
    action: 'Start the server again. If it repeats, look for what delays its first beats.',
  },
}

const INTERNAL: Readonly<Record<InternalCode, string>> = {
  ALREADY_OWNED: 'A claim found that another server owns the device.',
  NOT_WANTED:
    'A claim or a permit found that the device should not run, is in quarantine or should move away.',
  NOT_OWNER: 'A permit, a report or a release found that the server does not own the device any more.',
  LOGIN_REFUSED: 'A permit found that WhatsApp refuses the login of the device for some time.',
  INBOX_FULL: 'A message found no room in the inbox. The socket is closed, and WhatsApp delivers it again.',
}

/** The whole page, as docs/errors.md has it. */
export function errorsPage(): string {
  return [
    '# Errors',
    '',
    'This page is generated from the tables of the code: `npm run docs` writes it. Codes are stable; messages are for',
    'people and may change. Every refusal has the body `{code, message}`.',
    '',
    '## The API',
    '',
    'The statuses are in `lambdas/api/statuses.ts`. `GET /openapi.json` lists the codes of each route.',
    '',
    ...tableWithStatus(API_STATUS),
    '',
    '## The port of a server',
    '',
    'The statuses are in `hosts/server/statuses.ts`. The port takes rings of the doorbell and sends of ' +
      'your application.',
    '',
    ...tableWithStatus(SERVER_STATUS),
    '',
    '## Commands and logs',
    '',
    'No HTTP answer has these codes: a command or a server that starts ends with them.',
    '',
    '| code | when it happens | what to do |',
    '|---|---|---|',
    ...PUBLIC_CODES.filter((code) => !(code in API_STATUS) && !(code in SERVER_STATUS)).map(
      (code) => `| \`${code}\` | ${EXPLANATIONS[code].when} | ${EXPLANATIONS[code].action} |`,
    ),
    '',
    '## Inside the code',
    '',
    'These codes leave no part of Mooring: the code that calls acts on each of them.',
    '',
    '| code | when it happens |',
    '|---|---|',
    ...INTERNAL_CODES.map((code) => `| \`${code}\` | ${INTERNAL[code]} |`),
    '',
  ].join('\n')
}

function tableWithStatus(statuses: { readonly [C in PublicCode]?: number }): string[] {
  const codes = PUBLIC_CODES.filter((code) => code in statuses)
  const sorted = codes.toSorted((one, other) => (statuses[one] ?? 0) - (statuses[other] ?? 0))
  return [
    '| status | code | when it happens | what to do |',
    '|---|---|---|---|',
    ...sorted.map(
      (code) =>
        `| ${statuses[code]} | \`${code}\` | ${EXPLANATIONS[code].when} | ${EXPLANATIONS[code].action} |`,
    ),
  ]
}

if (import.meta.main) writeFileSync(ERRORS_PAGE, errorsPage())
