import assert from 'node:assert/strict'
import { test } from 'node:test'
import { holdingsOf } from '../../../../cli/import/credentials/holdings.ts'
import { keysOfAllTypes, linkedCreds } from '../builders.ts'

const account = { jid: '15550100101:3@s.whatsapp.net', lid: '99001:3@lid' }
type Keys = Record<string, Record<string, unknown>>

function lossesOf(keys: Keys, creds: Record<string, unknown> = {}, leftOut: string[] = []) {
  return holdingsOf({ creds: linkedCreds(creds), keys, account, leftOut }).losses
}

test('holdings count what a device has, and the pre-keys that WhatsApp may still hand out', () => {
  const creds = linkedCreds({ nextPreKeyId: 813, firstUnuploadedPreKeyId: 60 })

  const held = holdingsOf({ creds, keys: keysOfAllTypes() as Keys, account, leftOut: [] })

  assert.deepEqual(held, {
    ...account,
    hasRegistrationId: true,
    preKeys: 4,
    preKeysUploaded: 3,
    sessions: 2,
    senderKeys: 3,
    appStateKeys: 3,
    appStateVersions: 1,
    lidMappings: 2,
    other: 9,
    losses: [],
  })
})

test('losses tell what is missing, after what was left out', () => {
  const { 'pre-key': preKeys = {}, session = {} } = keysOfAllTypes() as Keys

  assert.deepEqual(lossesOf({}, {}, ['a.txt is not a file of Baileys']), [
    'a.txt is not a file of Baileys',
    'it has no keys: the first messages from each contact need a second try',
  ])
  assert.deepEqual(lossesOf({ session }), [
    'it has no pre-keys: the first messages from new contacts need a second try',
    'it has no app state keys: changes of chats and contacts wait until the phone sends the keys',
  ])
  assert.deepEqual(
    lossesOf(
      { 'pre-key': preKeys, 'app-state-sync-key': { AAAA: {} }, session: {} },
      { myAppStateKeyId: 'BBBB' },
    ),
    [
      'it has no sessions: the next messages from each contact need a second try',
      'its newest app state key is missing: changes of chats and contacts wait until the phone sends it',
    ],
  )
})

test('losses tell creds and keys that were copied at two times', () => {
  const keys = keysOfAllTypes() as Keys
  const counted = (nextPreKeyId: number) => lossesOf(keys, { nextPreKeyId }).join()

  assert.equal(counted(813), '')
  assert.match(
    counted(812),
    /^its creds are older than its keys \(.* up to 811, and 812 is there\).*copy both/,
  )
  assert.match(counted(814), /^its keys are older than its creds, .*\(.* up to 813, and 812 is the newest\)/)
})
