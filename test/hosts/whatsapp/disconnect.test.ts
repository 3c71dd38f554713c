import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { Boom } from '@hapi/boom'
import { closeCodesAsMarkdown } from '../../../hosts/whatsapp/close-codes.ts'
import {
  afterDisconnect,
  BAN_MS_MAX,
  CONFLICT_WINDOW_MS,
  closingOf,
  FAULT,
  recentConflicts,
  refusedForMs,
  wordsOf,
} from '../../../hosts/whatsapp/disconnect.ts'

for (const [code, next] of [
  [515, 'reconnect_now'],
  [440, 'conflict'],
  [401, 'logged_out'],
  [403, 'stop'],
  [411, 'stop'],
  [408, 'reconnect_later'],
  [428, 'reconnect_later'],
  [500, 'reconnect_later'],
  [503, 'reconnect_later'],
  [0, 'reconnect_later'],
  [599, 'reconnect_later'],
  [402, 'wait_for_ban'],
  [405, 'wait_for_version'],
  [406, 'logged_out'],
  [409, 'wait_for_version'],
  [400, 'reconnect_patiently'],
  [415, 'reconnect_patiently'],
  [418, 'reconnect_patiently'],
  [499, 'reconnect_patiently'],
] as const) {
  test(`a socket closed with ${code} is followed by ${next}`, () => {
    assert.equal(afterDisconnect(code).next, next)
  })
}

test('the words for a row say what happened, on one line', () => {
  const closing = { code: FAULT, reason: 'Invalid\n\u001b[31m stanza' }
  assert.match(
    wordsOf(closing),
    /^an error in this socket's own work ended it \(950 fault\): Invalid \[31m stanza;/,
  )
})

for (const [what, error, closing] of [
  ['nothing', undefined, { code: 0, reason: 'closed by this server' }],
  [
    'an error that is none of Baileys',
    new TypeError('x is not iterable'),
    { code: 950, reason: 'x is not iterable' },
  ],
  [
    'a proxy that asks for a login',
    unreached('Unexpected server response: 401', 401),
    { code: 952, reason: 'HTTP 401' },
  ],
  [
    'a proxy that forbids',
    unreached('Unexpected server response: 403', 403),
    { code: 952, reason: 'HTTP 403' },
  ],
  [
    'no connection',
    unreached('connect ECONNREFUSED', 408, 'ECONNREFUSED'),
    { code: 952, reason: 'ECONNREFUSED' },
  ],
] as const) {
  test(`a socket that ends by ${what} is neither logged out nor stopped`, () => {
    assert.deepEqual(closingOf(error), closing)
    assert.equal(afterDisconnect(closing.code).next, 'reconnect_later')
  })
}

/** An error of the WebSocket as Baileys passes it on. */
function unreached(message: string, statusCode: number, code?: string): Error {
  const data = Object.assign(new Error(message), code === undefined ? {} : { code })
  return new Boom(`WebSocket Error (${message})`, { statusCode, data })
}

for (const [expire, banMs] of [
  ['60', 60_000],
  ['0', 0],
  ['9'.repeat(400), BAN_MS_MAX],
  ['-1', undefined],
  ['1.5', undefined],
  [['60'], undefined],
  [60, undefined],
  [null, undefined],
  [{ toString: () => '60' }, undefined],
] as const) {
  test(`a ban that expires in ${JSON.stringify(expire)?.slice(0, 20)} lasts ${banMs} ms`, () => {
    const boom = new Boom('Connection Failure', { statusCode: 402, data: { reason: '402', expire } })
    assert.equal(closingOf(boom).told?.banMs, banMs)
  })
}

test('a ban without any attributes is read as a ban', () => {
  for (const data of [null, undefined, 'text', 7, [], { attrs: null }]) {
    assert.deepEqual(closingOf(new Boom('Connection Failure', { statusCode: 402, data })).told, {})
  }
})

test('a device with a ban of no length waits as long as after any other close', () => {
  const random = { fraction: () => 0.5, id: () => '' }
  assert.equal(
    refusedForMs(random, 402, 0, () => 700),
    700,
  )
  assert.equal(
    refusedForMs(random, 402, 5000, () => 700),
    5000,
  )
})

test('the docs have the table of codes', () => {
  const operations = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8')
  assert.ok(operations.includes(closeCodesAsMarkdown()), closeCodesAsMarkdown())
})

test('three conflicts count, the newest last, and older ones are forgotten', () => {
  assert.deepEqual(recentConflicts(undefined, 5), [5])
  assert.deepEqual(recentConflicts([1, 2, 3], 4), [2, 3, 4])
})

test('a conflict older than ten minutes does not count', () => {
  const now = 10 * CONFLICT_WINDOW_MS
  assert.deepEqual(recentConflicts([now - CONFLICT_WINDOW_MS, now - 1000], now), [now - 1000, now])
})
