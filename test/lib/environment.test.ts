import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { HOST_VARIABLES, readEnvironment as readHostEnvironment } from '../../hosts/environment.ts'
import { readEnvironment } from '../../lambdas/environment.ts'
import { FIRST_KEY_VARIABLES } from '../../lambdas/first-key.ts'
import { FUNCTION_NAMES, FUNCTIONS } from '../../lambdas/functions.ts'
import { NOT_SET_BY_THE_STACK } from '../../lib/hosts.ts'
import { find, functionId, one, synthesise } from './synthesised.ts'

const template = synthesise({
  capacityPerServer: 250,
  fenceAfterMs: 7000,
  whatsappVersion: '2.3000.1027934701',
  messagesUrl: 'https://app.example.com/messages',
  messagesSecretArn: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:messages-AbCdEf',
})
/** A variable of Node, which our code does not read. */
const OF_THE_RUNTIME = ['NODE_OPTIONS']

function variablesOf(name: string): Record<string, unknown> {
  const { Properties } = one(template, 'AWS::Lambda::Function', functionId(name))
  return Properties.Environment.Variables
}

function containerOfServers() {
  const [container] = one(template, 'AWS::ECS::TaskDefinition').Properties.ContainerDefinitions
  return container as {
    Environment: { Name: string; Value: unknown }[]
    Secrets: { Name: string; ValueFrom: unknown }[]
  }
}

/** Values for variables that need a certain form. */
const RESOLVED: Record<string, string> = { AUTH_KEY: 'arn:aws:kms:eu-west-1:123456789012:key/resolved' }

/** Replaces references by text, as CloudFormation does. */
function resolved(variables: Record<string, unknown>): Record<string, string> {
  const texts = Object.entries(variables).map(([name, value]) => [
    name,
    typeof value === 'string' ? value : (RESOLVED[name] ?? 'resolved-by-cloudformation'),
  ])
  return Object.fromEntries(texts)
}

describe('the variables that the stack sets', () => {
  for (const name of FUNCTION_NAMES) {
    test(`are exactly those that ${name} reads, and its schema takes them`, () => {
      const set = variablesOf(name)
      const ours = Object.keys(set).filter((variable) => !OF_THE_RUNTIME.includes(variable))
      assert.deepEqual(ours.sort(), [...FUNCTIONS[name].variables].sort())
      readEnvironment(name, resolved(set))
    })
  }

  test('are exactly those that first-key reads', () => {
    const ours = Object.keys(variablesOf('first-key')).filter((name) => !OF_THE_RUNTIME.includes(name))
    assert.deepEqual(ours.sort(), [...FIRST_KEY_VARIABLES].sort())
  })

  test('are, with those that a task supplies, exactly those that a server reads', () => {
    const { Environment, Secrets } = containerOfServers()
    const set = [...Environment, ...Secrets].map(({ Name }) => Name)
    assert.deepEqual([...set, ...Object.keys(NOT_SET_BY_THE_STACK)].sort(), [...HOST_VARIABLES].sort())
  })

  test('say to a server what the configuration says', () => {
    const { Environment, Secrets } = containerOfServers()
    const pairs = [
      ...Environment.map(({ Name, Value }) => [Name, Value]),
      ...Secrets.map(({ Name }) => [Name, {}]),
    ]
    const read = readHostEnvironment(resolved(Object.fromEntries(pairs)))
    assert.equal(read.SERVER_MAX_CAPACITY, 250)
    assert.equal(read.settings.fenceAfterMs, 7000)
    assert.equal(read.TABLE_PREFIX, 'Mooring-')
    assert.equal(read.WHATSAPP_URL, undefined)
    assert.deepEqual(read.WHATSAPP_VERSION, [2, 3000, 1027934701])
    assert.equal(read.AUTH_KEY, RESOLVED.AUTH_KEY)
    assert.equal(read.AUTH_KEY_FILE, undefined)
    assert.equal(read.PAIRING_TIMEOUT_MS, 600_000)
    assert.equal(read.AUTH_DATA_KEY_DAYS, 365)
  })

  test('give hosts and functions the same times', () => {
    const { Environment } = containerOfServers()
    const times = ['BEAT_EVERY_MS', 'FENCE_AFTER_MS', 'BURY_AFTER_MS']
    const ofServers = times.map((time) => Environment.find(({ Name }) => Name === time)?.Value)
    const ofSweep = times.map((time) => variablesOf('sweep')[time])
    assert.deepEqual(ofServers, ofSweep)
    assert.deepEqual(ofSweep, ['2000', '7000', '11000'])
  })

  test('hold each secret only as a reference, and only for the function that needs it', () => {
    const holders = find(template, 'AWS::Lambda::Function').flatMap(([id, { Properties }]) =>
      Object.entries(Properties.Environment.Variables)
        .filter(([, value]) => JSON.stringify(value).includes('resolve:secretsmanager'))
        .map(([variable]) => [id, variable] as const),
    )
    assert.deepEqual(
      holders.map(([id, variable]) => [id.startsWith(functionId('doorbell')), variable]).sort(),
      [
        [false, 'CURSOR_SECRET'],
        [true, 'DOORBELL_SECRET'],
      ],
    )
    assert.ok(holders.some(([id]) => id.startsWith(functionId('api'))))
    assert.deepEqual(
      containerOfServers().Environment.filter(({ Name }) => Name === 'DOORBELL_SECRET'),
      [],
    )
  })
})
