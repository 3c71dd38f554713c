import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { optionRows } from '../../docs/options.ts'
import { OPTIONS, readConfiguration } from '../../lib/configuration.ts'

const operations = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8')

describe('the configuration', () => {
  test('needs nothing: every option has a default that works', () => {
    const defaults = readConfiguration({})
    assert.equal(defaults.capacityPerServer, 400)
    assert.equal(defaults.network, 'public')
    assert.equal(defaults.removalPolicy, 'retain')
  })

  test('may come as text, as the command line hands it over', () => {
    assert.equal(readConfiguration('{"maximumServers": 20}').maximumServers, 20)
  })

  const refused: [string, Record<string, unknown>, RegExp][] = [
    ['an option that is not known', { maxServers: 20 }, /maxServers/],
    ['a maximum below the minimum', { minimumServers: 5, maximumServers: 4 }, /maximumServers/],
    [
      'memory that Fargate does not pair with the CPU',
      { taskCpuUnits: 256, taskMemoryMiB: 4096 },
      /512 to 2048/,
    ],
    ['a CPU that Fargate does not offer', { taskCpuUnits: 300 }, /taskCpuUnits/],
    ['a cap of the backoff below its base', { backoffBaseMs: 5000, backoffCapMs: 1000 }, /backoffCapMs/],
    ['protocol times without a margin', { fenceAfterMs: 10_000 }, /LEASE_MARGIN_TOO_SMALL/],
    [
      'a version of the client that is not one',
      { whatsappVersion: 'latest' },
      /whatsappVersion: is three whole numbers/,
    ],
    ['a retention that CloudWatch does not offer', { logRetentionDays: 8 }, /logRetentionDays/],
  ]
  for (const [what, given, says] of refused) {
    test(`refuses ${what}, by name`, () => {
      assert.throws(() => readConfiguration(given), says)
    })
  }

  test('is documented, option by option, with its default and its meaning', () => {
    const rows = optionRows()
    assert.equal(rows.length, Object.keys(OPTIONS).length)
    for (const row of rows) assert.ok(operations.includes(`\n${row}\n`), `npm run docs: ${row}`)
  })
})

test('a messagesUrl with a password in it, or with a port that fetch forbids, is refused without being shown', () => {
  const messagesSecretArn = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:messages-AbCdEf'
  for (const [messagesUrl, why] of [
    ['https://anna:hunter2@example.org/hook', /messagesUrl: must not have a user or a password/],
    ['https://example.org:6000/hook', /messagesUrl: has the port 6000/],
    ['http://example.org/hook', /messagesUrl: is a URL that begins with https/],
  ] as const) {
    assert.throws(
      () => readConfiguration({ messagesUrl, messagesSecretArn }),
      (error: Error) => why.test(error.message) && !error.message.includes('hunter2'),
    )
  }
})
