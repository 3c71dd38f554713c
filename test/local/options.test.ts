import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readOptions } from '../../local/options.ts'

test('without options: three servers, port 3000, nothing kept, WhatsApp simulated', () => {
  assert.deepEqual(readOptions([]), {
    servers: 3,
    maxServers: 6,
    port: 3000,
    capacity: 400,
    dataDir: undefined,
    whatsApp: 'simulated',
  })
})

test('with the real WhatsApp the data is kept unless another folder is named', () => {
  assert.equal(readOptions(['--whatsapp', 'live'])?.dataDir, '.mooring/live')
  assert.equal(readOptions(['--whatsapp', 'live', '--data', 'mine'])?.dataDir, 'mine')
})

test('another server that speaks the protocol is named by its URL', () => {
  const url = 'ws://127.0.0.1:4000/ws/chat'

  assert.deepEqual(readOptions(['--whatsapp', url])?.whatsApp, { url })
  assert.deepEqual(readOptions(['--whatsapp', 'wss://whatsapp.test/ws'])?.whatsApp, {
    url: 'wss://whatsapp.test/ws',
  })
  assert.equal(readOptions(['--whatsapp', url])?.dataDir, undefined)
  assert.throws(() => readOptions(['--whatsapp', 'http://127.0.0.1:4000']), /begins with ws:\/\/ or wss:\/\//)
  assert.throws(() => readOptions(['--whatsapp', 'ws://']), /no valid URL/)
  assert.throws(() => readOptions(['--whatsapp', 'ws://me:secret@127.0.0.1/']), /without user, password/)
})

test('an option that makes no sense is refused in words', () => {
  assert.throws(
    () => readOptions(['--whatsapp', 'real']),
    /--whatsapp must be simulated, live, or a URL .* not real/,
  )
  assert.throws(() => readOptions(['--port', '70000']), /--port must be a whole number from 0 to 65535/)
  assert.throws(() => readOptions(['--sevrers', '3']), /sevrers/)
})

test('--help starts nothing', () => {
  assert.equal(readOptions(['--help']), undefined)
})

test('the version of the client comes from the command line, else from the environment', () => {
  const set = { WHATSAPP_VERSION: '2.3000.1' }
  assert.equal(readOptions([], set)?.whatsAppVersion, '2.3000.1')
  assert.equal(readOptions(['--whatsapp-version', '[2, 3000, 2]'], set)?.whatsAppVersion, '[2, 3000, 2]')
  assert.throws(
    () => readOptions(['--whatsapp-version', 'latest']),
    /--whatsapp-version is three whole numbers, for example 2\.3000\.1027934701, not "latest"/,
  )
  assert.throws(() => readOptions([], { WHATSAPP_VERSION: '' }), /WHATSAPP_VERSION is three whole numbers/)
})

for (const [args, variables, words] of [
  [['--nonsense'], {}, /--nonsense.*--help lists/],
  [['shop-1'], {}, /shop-1/],
  [['--data', ''], {}, /--data must name a folder/],
  [['--port', '6000'], {}, /--port 6000 is a port to which no browser/],
  [['--port', '1e3'], {}, /--port must be a whole number/],
  [['--servers', ''], {}, /--servers must be a whole number/],
  [['--messages-url', ''], {}, /--messages-url must be a URL/],
  [
    ['--messages-url', 'http://a:hunter2@127.0.0.1/'],
    {},
    /--messages-url must not have a user or a password/,
  ],
  [[], { MESSAGES_URL: 'http://a:hunter2@127.0.0.1/' }, /MESSAGES_URL must not have a user or a password/],
  [[], { MESSAGES_URL: 'http://127.0.0.1:22/hook' }, /MESSAGES_URL has the port 22/],
  [[], { MESSAGES_SECRET: 'hunter2' }, /MESSAGES_SECRET must have 16 to 256 characters/],
  [[], { MOORING_API_KEY: 'hunter2 hunter2' }, /MOORING_API_KEY has characters/],
] as const) {
  test(`refused, without showing a secret: ${[...args, ...Object.keys(variables)].join(' ')}`, () => {
    assert.throws(
      () => readOptions([...args], variables),
      (error: Error) => words.test(error.message) && !error.message.includes('hunter2'),
    )
  })
}

test('the URL of messages comes from the option, else from the variable', () => {
  const MESSAGES_URL = 'http://127.0.0.1:8080/hook'
  assert.equal(readOptions([], { MESSAGES_URL })?.messagesUrl, MESSAGES_URL)
  const option = 'http://127.0.0.1:8081/'
  assert.equal(readOptions(['--messages-url', option], { MESSAGES_URL })?.messagesUrl, option)
  assert.equal(readOptions([], { MESSAGES_URL: '' })?.messagesUrl, undefined)
})
