import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type KeptStanza, openInbox } from '../../../hosts/auth-state/inbox.ts'
import type { AuthItems } from '../../../hosts/auth-state/items.ts'
import { serialise } from '../../../hosts/auth-state/serialise.ts'

const NOON_MS = 1_900_000_000_000

/** The store for the inboxes that are opened on it one after the other. */
function itemsWith(stored?: object) {
  const items = new Map<string, string>(stored ? [['one/inbox', serialise(stored)]] : [])
  const access: Pick<AuthItems, 'read' | 'write'> = {
    read: async (key) => items.get(key),
    write: async (key, value) => void items.set(key, value),
  }
  return (wallMs: number, credentialsId = 'one') => openInbox(access, { wallMs: () => wallMs }, credentialsId)
}

const kept = (hash: string, more: Partial<KeptStanza> = {}): KeptStanza => ({
  hash,
  keptAt: NOON_MS,
  missing: 0,
  stanza: { tag: 'message', attrs: {} },
  ...more,
})

async function waitingIn(inbox: ReturnType<typeof openInbox>): Promise<[string, number | undefined][]> {
  const waiting = await inbox.waiting(AbortSignal.timeout(1000))
  return waiting.map(({ hash, seq }) => [hash, seq])
}

test('numbers rise over messages and sockets, even if the clock of the next server is behind', async () => {
  const open = itemsWith()
  const first = open(NOON_MS)
  await first.keep(kept('a'))
  await first.keep(kept('b'))
  await first.take(['a', 'b'])

  const second = open(NOON_MS - 60_000)
  await second.keep(kept('c'))

  assert.deepEqual(await waitingIn(second), [['c', NOON_MS + 2]])
})

test('numbers go on rising when the device was linked again', async () => {
  const open = itemsWith()
  const before = open(NOON_MS)
  await before.keep(kept('a'))

  const reopened = open(NOON_MS + 60_000, 'two')
  await reopened.keep(kept('b'))

  assert.deepEqual(await waitingIn(reopened), [['b', NOON_MS + 60_000]])
})

test('a message keeps its number until it is taken', async () => {
  const open = itemsWith()
  await open(NOON_MS).keep(kept('a'))

  const later = open(NOON_MS + 60_000)

  assert.deepEqual(await waitingIn(later), [['a', NOON_MS]])
})

test('a message of two parts gets its number when it is whole', async () => {
  const inbox = itemsWith()(NOON_MS)
  await inbox.keep(kept('parts', { missing: 1 }))
  await inbox.keep(kept('whole'))

  await inbox.keep(kept('parts'))

  assert.deepEqual(await waitingIn(inbox), [
    ['whole', NOON_MS],
    ['parts', NOON_MS + 1],
  ])
})

test('messages that an older version kept come first, in their order, and get the same numbers again', async () => {
  const older = { kept: [kept('a'), kept('b'), kept('half', { missing: 1 })], taken: ['z'] }
  const open = itemsWith(older)
  const looked = await waitingIn(open(NOON_MS + 1000))

  const inbox = open(NOON_MS + 2000)
  await inbox.keep(kept('c'))

  assert.deepEqual(looked, [
    ['a', NOON_MS],
    ['b', NOON_MS + 1],
  ])
  assert.deepEqual(await waitingIn(inbox), [...looked, ['c', NOON_MS + 2000]])
  assert.equal(await inbox.find('z'), 'taken')
})

test('phone numbers that persons were told by are stored with the next take, up to a limit', async () => {
  const open = itemsWith()
  const first = open(NOON_MS)
  await first.find('whatever')
  for (let at = 0; at <= 500; at++) first.byNumber.add(`${at}`)
  await first.take([])

  const next = open(NOON_MS)
  await next.find('whatever')

  assert.equal(next.byNumber.has('0'), false)
  assert.equal(next.byNumber.has('1'), true)
  assert.equal(next.byNumber.has('500'), true)
})
