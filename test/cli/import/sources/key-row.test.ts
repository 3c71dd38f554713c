import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sessionName, splitName } from '../../../../cli/import/sources/key-row.ts'

test('the name of a key is told from the session before it, however the two are joined', () => {
  const split = (text: string) => {
    const found = splitName(text)
    return found && [found.session, found.name]
  }

  assert.deepEqual(split('creds'), ['', 'creds'])
  assert.deepEqual(split('auth_creds'), ['', 'creds'])
  assert.deepEqual(split('creds.json'), ['', 'creds'])
  assert.deepEqual(split('pre-key-1'), ['', 'pre-key-1'])
  assert.deepEqual(split('shop-1:auth_creds'), ['shop-1', 'creds'])
  assert.deepEqual(split('shop_creds'), ['shop', 'creds'])
  assert.deepEqual(split('session-1:creds'), ['session-1', 'creds'])
  assert.deepEqual(split('session-1:session-15550101.0'), ['session-1', 'session-15550101.0'])
  assert.deepEqual(split('wa:shop:keys:pre-key:12'), ['wa:shop', 'pre-key-12'])
  assert.deepEqual(split('shop-sender-key-memory-120363@g.us'), ['shop', 'sender-key-memory-120363@g.us'])
  assert.deepEqual(split('a/b/app-state-sync-key-AA//'), ['a/b', 'app-state-sync-key-AA//'])
  assert.deepEqual(split('a/app-state-sync-key-////AA=='), ['a', 'app-state-sync-key-////AA=='])
  assert.deepEqual(split('s:sender-key-1-5@g.us::15550101::0'), ['s', 'sender-key-1-5@g.us::15550101::0'])
  assert.deepEqual(split('s:session-99001_1.12'), ['s', 'session-99001_1.12'])
})

test('a name that is no key of Baileys is not taken for one', () => {
  const names = ['wa-session-1:metadata', 'pre-key-x', 'queue:jobs', 'credsx', 'accreds', '']

  assert.deepEqual(
    names.map(splitName),
    names.map(() => undefined),
  )
})

test('a session is called by its own name, without the words of the system around it', () => {
  assert.equal(sessionName('evolution:instance:shop-1', 'f'), 'shop-1')
  assert.equal(sessionName('shop-1:auth', 'f'), 'shop-1')
  assert.equal(sessionName('@baileys-api:connections:15550100101:authState', 'f'), '15550100101')
  assert.equal(sessionName('auth', 'f'), 'auth')
  assert.equal(sessionName('', '/dumps/shop-7.jsonl.gz'), 'shop-7')
})
