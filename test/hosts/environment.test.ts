import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readEnvironment } from '../../hosts/environment.ts'

const WITHOUT_KEY = { ASSIGN_FUNCTION: 'mooring-assign', DOORBELL_SECRET: 'sixteen-and-more' }
const LEAST = { ...WITHOUT_KEY, AUTH_KEY_FILE: 'auth-keys' }
const KEY_ARN = 'arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab'

test('a server has a name, a URL, and a capacity of 400 unless it is set', () => {
  const read = readEnvironment({ ...LEAST, SERVER_NAME: 'web-1', SERVER_URL: 'http://10.0.0.1:8080' })
  assert.equal(read.SERVER_NAME, 'web-1')
  assert.equal(read.SERVER_URL, 'http://10.0.0.1:8080')
  assert.equal(read.SERVER_MAX_CAPACITY, 400)
  assert.equal(readEnvironment({ ...LEAST, SERVER_MAX_CAPACITY: '25' }).SERVER_MAX_CAPACITY, 25)
})

test('every variable that is missing or wrong is named, and no secret is shown', () => {
  assert.throws(
    () => readEnvironment({ SERVER_NAME: 'a b', SERVER_MAX_CAPACITY: '0', DOORBELL_SECRET: 'short' }),
    (error: Error) => {
      assert.match(
        error.message,
        /SERVER_NAME[\s\S]*SERVER_MAX_CAPACITY[\s\S]*ASSIGN_FUNCTION[\s\S]*DOORBELL_SECRET/,
      )
      assert.doesNotMatch(error.message, /short\b.*DOORBELL|"short"/)
      return true
    },
  )
})

test('times that leave no margin are refused', () => {
  assert.throws(() => readEnvironment({ ...LEAST, BURY_AFTER_MS: '9000' }), /LEASE_MARGIN_TOO_SMALL/)
})

test('WhatsApp is reached over a WebSocket and nothing else', () => {
  assert.throws(() => readEnvironment({ ...LEAST, WHATSAPP_URL: 'http://127.0.0.1/' }), /WHATSAPP_URL/)
})

test('a device is tried again within a second at first, and within a minute at the latest, unless that is set', () => {
  const read = readEnvironment(LEAST)
  assert.equal(read.BACKOFF_BASE_MS, 1000)
  assert.equal(read.BACKOFF_CAP_MS, 60_000)
  const set = readEnvironment({ ...LEAST, BACKOFF_BASE_MS: '200', BACKOFF_CAP_MS: '5000' })
  assert.equal(set.BACKOFF_BASE_MS, 200)
  assert.equal(set.BACKOFF_CAP_MS, 5000)
})

test('a backoff that would hammer, or whose cap is below its base, is refused', () => {
  assert.throws(() => readEnvironment({ ...LEAST, BACKOFF_BASE_MS: '10' }), /BACKOFF_BASE_MS/)
  assert.throws(
    () => readEnvironment({ ...LEAST, BACKOFF_BASE_MS: '5000', BACKOFF_CAP_MS: '1000' }),
    /BACKOFF_CAP_MS: is below BACKOFF_BASE_MS/,
  )
})

test('without a key for the credentials a server refuses to start and says what to do', () => {
  assert.throws(
    () => readEnvironment(WITHOUT_KEY),
    /AUTH_KEY: .*encrypted only.*AUTH_KEY to the ARN.*or AUTH_KEY_FILE to a file/,
  )
  assert.throws(() => readEnvironment({ ...LEAST, AUTH_KEY: KEY_ARN }), /either AUTH_KEY or AUTH_KEY_FILE/)
  assert.equal(readEnvironment({ ...WITHOUT_KEY, AUTH_KEY: KEY_ARN }).AUTH_KEY, KEY_ARN)
})

test('the key of KMS is named by its own ARN, since an alias can be pointed elsewhere', () => {
  for (const AUTH_KEY of ['alias/mooring', KEY_ARN.replace('key/', 'alias/'), '']) {
    assert.throws(() => readEnvironment({ ...WITHOUT_KEY, AUTH_KEY }), /AUTH_KEY: .*not of an alias/)
  }
})

test('a pairing is waited for ten minutes unless another time is set', () => {
  assert.equal(readEnvironment(LEAST).PAIRING_TIMEOUT_MS, 600_000)
  assert.equal(readEnvironment({ ...LEAST, PAIRING_TIMEOUT_MS: '90000' }).PAIRING_TIMEOUT_MS, 90_000)
})

test('the version of the WhatsApp client is three numbers, as people and JSON write them', () => {
  const version = [2, 3000, 1027934701]
  for (const text of [
    '2.3000.1027934701',
    ' 2.3000.1027934701 ',
    '[2,3000,1027934701]',
    '[ 2, 3000, 1027934701 ]',
  ]) {
    assert.deepEqual(readEnvironment({ ...LEAST, WHATSAPP_VERSION: text }).WHATSAPP_VERSION, version)
  }
  assert.deepEqual(
    readEnvironment({ ...LEAST, WHATSAPP_VERSION: '2, 3000, 1027934701' }).WHATSAPP_VERSION,
    version,
  )
  assert.equal(readEnvironment(LEAST).WHATSAPP_VERSION, undefined)
})

for (const text of [
  '',
  'latest',
  '2.3000',
  '2.3000.1.2',
  '2.3000.-1',
  '2.3000.1e9',
  '2.3000.4294967296',
  '2.3000.99999999999999999999',
  '0.0.0',
  '[2.3000.1]',
  '[2,3000,1',
  '[2,3000,null]',
  '["2","3000","1"]',
]) {
  test(`${JSON.stringify(text)} is no version of the WhatsApp client, and the words say what one is`, () => {
    assert.throws(
      () => readEnvironment({ ...LEAST, WHATSAPP_VERSION: text }),
      /WHATSAPP_VERSION: is three whole numbers, for example 2\.3000\.1027934701/,
    )
  })
}
test('a URL to which no message can be sent is refused at the start, and its password is not shown', () => {
  const MESSAGES_SECRET = 'sixteen-and-more'
  for (const [MESSAGES_URL, why] of [
    ['http://anna:hunter2@127.0.0.1:8080/hook', /MESSAGES_URL: must not have a user or a password/],
    ['http://127.0.0.1:22/hook', /MESSAGES_URL: has the port 22/],
  ] as const) {
    assert.throws(
      () => readEnvironment({ ...LEAST, MESSAGES_URL, MESSAGES_SECRET }),
      (error: Error) => why.test(error.message) && !error.message.includes('hunter2'),
    )
  }
})

test('a server has an address that the doorbell rings, on a port that fetch connects to', () => {
  for (const SERVER_URL of ['https://10.0.0.1:8080', 'http://example.org:8080', 'http://10.0.0.1:8080/a']) {
    assert.throws(() => readEnvironment({ ...LEAST, SERVER_URL }), /SERVER_URL: (is|has)/)
  }
  assert.throws(
    () => readEnvironment({ ...LEAST, SERVER_PORT: '6000' }),
    /SERVER_PORT: is a port that fetch never/,
  )
})
