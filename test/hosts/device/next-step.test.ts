import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Closed, isRefusedUnproven, type NextStep, nextStep } from '../../../hosts/device/next-step.ts'
import { CLOSE_CODES, STALLED } from '../../../hosts/whatsapp/close-codes.ts'

const LOST: Closed = { code: 428, opened: true, conflicts: 0, wasNeverAccepted: false, unproven: false }

interface Row {
  readonly when: string
  readonly closed: Partial<Closed>
  readonly unprovenForMs?: number
  readonly step: NextStep
}

const TABLE: readonly Row[] = [
  {
    when: 'WhatsApp asks for a new connection (515)',
    closed: { code: 515, opened: false },
    step: { do: 'reconnect_now' },
  },
  {
    when: 'the connection was lost (428)',
    closed: { code: 428 },
    step: { do: 'reconnect', wait: 'backoff' },
  },
  {
    when: 'there was no socket, since the credentials could not be read (0)',
    closed: { code: 0, opened: false },
    step: { do: 'reconnect', wait: 'backoff' },
  },
  {
    when: 'WhatsApp refuses the login without a reason (400)',
    closed: { code: 400, opened: false },
    step: { do: 'reconnect', wait: 'patient_backoff' },
  },
  {
    when: 'WhatsApp refuses it by a code that Mooring does not know (499)',
    closed: { code: 499, opened: false },
    step: { do: 'reconnect', wait: 'patient_backoff' },
  },
  {
    when: 'WhatsApp has an error that Mooring does not know (599)',
    closed: { code: 599 },
    step: { do: 'reconnect', wait: 'backoff' },
  },
  {
    when: 'WhatsApp has banned the account (402)',
    closed: { code: 402, banMs: 60_000 },
    step: { do: 'wait_out_refusal', wait: 'refusal' },
  },
  {
    when: 'WhatsApp does not take the version of the client (405)',
    closed: { code: 405, opened: false },
    step: { do: 'wait_out_refusal', wait: 'refusal' },
  },
  {
    when: 'a second conflict counts (440)',
    closed: { code: 440, conflicts: 2 },
    step: { do: 'settle_conflict', wait: 'conflict_pause' },
  },
  {
    when: 'a third conflict counts (440)',
    closed: { code: 440, conflicts: 3 },
    step: { do: 'release', because: 'conflicted' },
  },
  {
    when: 'the phone has logged the device out (401)',
    closed: { code: 401 },
    step: { do: 'release', because: 'logged_out' },
  },
  { when: 'the account is gone (403)', closed: { code: 403 }, step: { do: 'release', because: 'stopped' } },
  {
    when: 'an open socket stalled',
    closed: { code: STALLED },
    step: { do: 'replace', wait: 'none' },
  },
  {
    when: 'a login stalled',
    closed: { code: STALLED, opened: false },
    step: { do: 'reconnect', wait: 'backoff' },
  },
  {
    when: 'WhatsApp refuses credentials that no phone had accepted (401)',
    closed: { code: 401, opened: false, wasNeverAccepted: true },
    step: { do: 'reconnect', wait: 'backoff' },
  },
  {
    when: 'WhatsApp refuses unproven credentials for the first time (401)',
    closed: { code: 401, opened: false, unproven: true },
    step: { do: 'reconnect', wait: 'backoff' },
  },
  {
    when: 'WhatsApp has refused unproven credentials for just under a minute (401)',
    closed: { code: 401, opened: false, unproven: true },
    unprovenForMs: 59_999,
    step: { do: 'reconnect', wait: 'backoff' },
  },
  {
    when: 'WhatsApp has refused unproven credentials for a minute (401)',
    closed: { code: 401, opened: false, unproven: true },
    unprovenForMs: 60_000,
    step: { do: 'release', because: 'logged_out' },
  },
  {
    when: 'unproven credentials meet another refusal (403)',
    closed: { code: 403, opened: false, unproven: true },
    step: { do: 'release', because: 'stopped' },
  },
  {
    when: 'proven credentials are refused after unproven ones had been (401)',
    closed: { code: 401, opened: false },
    unprovenForMs: 1000,
    step: { do: 'release', because: 'logged_out' },
  },
]

for (const { when, closed, unprovenForMs = 0, step } of TABLE) {
  test(`when ${when}, the next step is ${Object.values(step).join(' ')}`, () => {
    assert.deepEqual(nextStep({ ...LOST, ...closed }, unprovenForMs), step)
  })
}

const BY_FOLLOWS: Readonly<Record<(typeof CLOSE_CODES)[number]['follows'], string>> = {
  reconnect_now: 'reconnect_now',
  reconnect_later: 'reconnect backoff',
  reconnect_patiently: 'reconnect patient_backoff',
  wait_for_version: 'wait_out_refusal refusal',
  wait_for_ban: 'wait_out_refusal refusal',
  conflict: 'settle_conflict conflict_pause',
  logged_out: 'release logged_out',
  stop: 'release stopped',
}

for (const [code, { name, follows }] of Object.entries(CLOSE_CODES)) {
  test(`close code ${code} (${name}) before a login leads to what its table says: ${follows}`, () => {
    const step = nextStep({ ...LOST, code: Number(code), opened: false, conflicts: 1 }, 0)
    assert.equal(Object.values(step).join(' '), BY_FOLLOWS[follows])
  })
}

test('a refusal counts as one of unproven credentials only when the code says logged out', () => {
  assert.equal(isRefusedUnproven({ code: 401, unproven: true }), true)
  assert.equal(isRefusedUnproven({ code: 406, unproven: true }), true)
  assert.equal(isRefusedUnproven({ code: 401, unproven: false }), false)
  assert.equal(isRefusedUnproven({ code: 428, unproven: true }), false)
})
