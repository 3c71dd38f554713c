import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fileOf, keyOf } from '../../../cli/multi-file/names.ts'
import { keysOfAllTypes } from '../import/builders.ts'

describe('a key gets its id back from the name of its file:', () => {
  for (const [type, byId] of Object.entries(keysOfAllTypes())) {
    test(type, () => {
      for (const id of Object.keys(byId)) assert.deepEqual(keyOf(fileOf({ type, id })), { type, id })
    })
  }
})

describe('a file whose name does not tell an id for certain is not read:', () => {
  for (const file of [
    'session-15550101-3.0.json',
    'device-list-a__b.json',
    'sender-key-15550102-1500000000@g.us.json',
    'app-state-sync-key-AA-BB.json',
    'pre-key-.json',
    'pre-key-1.json.tmp',
    'post-quantum-key-1.json',
    'pre-key-1 (1).json',
    'sender-key-memory-15550102@g.us - Copy.json',
    'PRE-KEY-1.JSON',
    'session-1\u202e.0.json',
    'creds.json',
  ]) {
    test(file, () => assert.equal(keyOf(file), undefined))
  }
})
