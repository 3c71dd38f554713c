import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { API_KEY, startMooring } from './mooring-command.ts'

const requests: { path: string; key: string | string[] | undefined }[] = []
let server: Server
let url: string

/** Not Mooring: a page, and a redirection to it. */
before(async () => {
  server = createServer((request, response) => {
    requests.push({ path: request.url ?? '', key: request.headers['x-api-key'] })
    if (request.url === '/elsewhere') response.end('{"servers": []}')
    else if (request.url?.startsWith('/moved/')) response.writeHead(302, { location: '/elsewhere' }).end()
    else response.writeHead(404, { 'content-type': 'text/html' }).end('<h1>Not here</h1>')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
after(() => server.close())

const run = (args: readonly string[], variables: Record<string, string> = {}) =>
  startMooring(args, { MOORING_URL: url, MOORING_API_KEY: API_KEY, ...variables }).ended

describe('help', () => {
  let all = ''
  before(async () => {
    all = (await run(['--help'])).out
  })

  for (const command of ['devices', 'device', 'servers', 'server', 'fleet', 'watch']) {
    test(`mooring --help lists ${command}, and the command has help of its own`, async () => {
      const { out, exit } = await run([command, '--help'])

      assert.match(all, new RegExp(`^  ${command} `, 'm'))
      assert.match(out, new RegExp(`^Usage: mooring ${command}`))
      assert.equal(exit, 0)
    })
  }

  test('--help and --version ask nothing of the API', async () => {
    const before = requests.length

    const { out, exit } = await run(['--version'])

    assert.match(out, /^\d+\.\d+\.\d+$/m)
    assert.equal(exit, 0)
    assert.equal(requests.length, before)
  })
})

describe('wrong usage ends with exit code 2, names the right usage, and asks nothing of the API', () => {
  const wrong = [
    [['devics'], /Did you mean one of device, devices\?/],
    [['devices', '--status', 'lost'], /Allowed choices are unassigned/],
    [['devices', '--updated-since', 'yesterday'], /--updated-since takes a time such as/],
    [['devices', 'shop-1'], /too many arguments[\s\S]*^Perhaps you mean: mooring device show shop-1$/m],
    [['device', 'list'], /^Perhaps you mean: mooring devices$/m],
    [['devices', '\u001b[31m'], /too many arguments/],
    [['device', 'pair', 'shop-1', '--phone', '0555 010 0123'], /It begins without its country code/],
    [['device', 'pair', 'shop-1', '--phone', '555-SHOP'], /more in it than a phone number/],
    [['device', 'send', 'shop-1', '0555-0100', 'ahoy'], /It begins without its country code: give it whole/],
    [['device', 'send', 'shop-1', 'shop@example', 'ahoy'], /nor a jid such as 15550100123@s\.whatsapp\.net/],
    [['device', 'send', 'shop-1', '+15550100150', ''], /A text has 1 to 65536 characters/],
    [['device', 'show'], /missing required argument 'id'/],
    [['device', 'show', '../fleet'], /An id has 1 to 64 characters, of/],
    [['device', 'pair', 'shop-1', '--timeout', '0'], /whole number, 1 or more/],
    [['device', 'delete', 'shop-1'], /add --yes to confirm/],
    [['servers', '--url', 'localhost:3000'], /--url or MOORING_URL must be a URL such as/],
    [['servers', '--key', 'two words'], /has characters in it that no API key has/],
  ] as const
  for (const [args, says] of wrong) {
    test(`mooring ${args.join(' ')}`, async () => {
      const before = requests.length

      const { exit, err } = await run(args)

      assert.match(err, says)
      assert.equal(exit, 2)
      assert.equal(requests.length, before)
    })
  }
})

describe('an API that cannot be reached ends with exit code 3', () => {
  test('when nothing listens there, and names the URL and what to check', async () => {
    const nobody = 'http://127.0.0.1:9'

    const { exit, err, out } = await run(['servers'], { MOORING_URL: nobody })

    assert.match(err, /^http:\/\/127\.0\.0\.1:9 cannot be reached: .+--url or MOORING_URL.+npm start/)
    assert.equal(exit, 3)
    assert.equal(out, '')
  })

  test('when another program answers there', async () => {
    const { exit, err } = await run(['servers'])

    assert.match(err, /answered with HTTP 404, but not as Mooring's API does\. Check --url/)
    assert.equal(exit, 3)
  })

  test('when it redirects the caller: the key is not sent to the other place', async () => {
    const { exit } = await run(['servers'], { MOORING_URL: `${url}/moved` })

    assert.equal(exit, 3)
    assert.ok(!requests.some(({ path }) => path === '/elsewhere'))
  })
})

test('the key goes to the API in its header, and is printed nowhere', async () => {
  const ran = await Promise.all([
    run(['servers']),
    run(['servers', '--json']),
    run(['--help']),
    run(['servers'], { MOORING_URL: 'http://127.0.0.1:9' }),
    run(['servers', '--key', API_KEY, '--status', 'x']),
  ])

  assert.equal(requests.at(-1)?.key, API_KEY)
  assert.ok(!ran.some(({ out, err }) => (out + err).includes(API_KEY)))
})

test('the command that npm links finds a Node that can run it', async () => {
  const linked = join(import.meta.dirname, '../../cli/bin.js')

  const { out, exit } = await startMooring(['--version'], {}, { entry: linked }).ended

  assert.match(out, /^\d+\.\d+\.\d+$/m)
  assert.equal(exit, 0)
})
