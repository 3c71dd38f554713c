import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { BufferJSON, proto } from '@whiskeysockets/baileys'
import { loadSession } from '../../../../cli/import/sources/session-state.ts'
import { deviceId } from '../../../../core/ids.ts'
import { asJson } from '../builders.ts'
import { aLinkedState } from './key-stores.ts'

const id = deviceId('shop-1')
let creds: unknown
let text: string
before(async () => {
  creds = (await aLinkedState()).creds
  text = JSON.stringify(creds, BufferJSON.replacer)
})

const row = (name: string, value: unknown) => ({ at: 'row 1', session: 's', name, value })

function keysOf(...rows: ReturnType<typeof row>[]): unknown {
  const loaded = loadSession(id, [row('creds', text), ...rows])
  assert.ok('keys' in loaded, JSON.stringify(loaded))
  return asJson(loaded.keys)
}

function leftOut(...rows: ReturnType<typeof row>[]): readonly string[] {
  const loaded = loadSession(id, [row('creds', text), ...rows])
  assert.ok('leftOut' in loaded, JSON.stringify(loaded))
  return loaded.leftOut
}

function whyOf(...rows: ReturnType<typeof row>[]): string {
  const loaded = loadSession(id, rows)
  assert.ok('unusable' in loaded)
  return loaded.unusable
}

describe('the creds of a session are read', () => {
  const whole = (value: unknown) => {
    const loaded = loadSession(id, [row('creds', value)])
    assert.ok('creds' in loaded, JSON.stringify(loaded))
    assert.deepEqual(asJson(loaded.creds), asJson(creds))
  }

  test('as JSON, as JSON within JSON, and as an object', () => {
    whole(text)
    whole(JSON.stringify(text))
    whole(JSON.parse(text))
  })

  test('as the bytes of a column, as PostgreSQL, MySQL and base64 write them', () => {
    const bytes = Buffer.from(text)
    whole(`\\x${bytes.toString('hex')}`)
    whole(`0x${bytes.toString('hex').toUpperCase()}`)
    whole(bytes.toString('base64'))
  })

  test('within an object of their own', () => {
    whole(JSON.stringify({ creds: JSON.parse(text) }))
  })
})

describe('a key is read', () => {
  test('of a LID also where the system has written its text without quotes', () => {
    const pairs = { 'lid-mapping': { 1: '99001', 2: '99001', '3_reverse': '15550101' } }

    assert.deepEqual(
      keysOf(
        row('lid-mapping-1', '99001'),
        row('lid-mapping-2', '"99001"'),
        row('lid-mapping-3_reverse', '"\\"15550101\\""'),
      ),
      pairs,
    )
  })

  test('of app state as Baileys itself reads it', () => {
    const key = proto.Message.AppStateSyncKeyData.fromObject({ keyData: Buffer.from('k'), timestamp: 5 })

    const found = keysOf(row('app-state-sync-key-AAAAACpn', JSON.stringify(key, BufferJSON.replacer)))

    assert.deepEqual(found, { 'app-state-sync-key': { AAAAACpn: asJson(key) } })
  })

  test('of no value as absent', () => {
    assert.deepEqual(keysOf(row('pre-key-1', null), row('pre-key-2', 'null'), row('pre-key-3', '')), {})
  })
})

describe('words for', () => {
  test('a damaged value, and a name that is not of Baileys', () => {
    assert.deepEqual(leftOut(row('device-list-15550101', '["0"')), [
      'device-list-15550101 is damaged: it is not JSON',
    ])
    assert.match(
      leftOut(row('metadata', '{"a":1}')).join(),
      /metadata is of a kind that Baileys does not have/,
    )
  })

  test('damaged creds, and no creds, without anything of their contents', () => {
    assert.equal(whyOf(row('creds', '{"noiseKey":')), 'its creds are damaged: they are not JSON')
    assert.equal(whyOf(row('pre-key-1', '{}')), 'it has 1 key and no creds: link the device again')
  })

  test('a key that is there twice; the same value twice is harmless', () => {
    const twice = [row('creds', text), row('device-list-1', '["0"]'), row('device-list-1', '["0","1"]')]

    assert.match(whyOf(...twice), /^device-list-1 is there twice with different values/)
    assert.deepEqual(keysOf(row('device-list-1', '["0"]'), row('device-list-1', '["0"]')), {
      'device-list': { 1: ['0'] },
    })
  })
})

test('the digest changes with any value', () => {
  const digest = (value: string) => {
    const loaded = loadSession(id, [row('creds', text), row('device-list-1', value)])
    assert.ok('digest' in loaded)
    return loaded.digest
  }

  assert.equal(digest('["0"]'), digest('["0"]'))
  assert.notEqual(digest('["0"]'), digest('["1"]'))
})
