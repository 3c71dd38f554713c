import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { pause, saveStatus } from '../../core/balance/ledger.ts'
import { mayQuarantine } from '../../core/placement/quarantine-limit.ts'
import { coolDown } from '../../core/sweep/cool-down.ts'
import { manualClock } from '../builders/manual-clock.ts'
import { createMemory, storeOn } from '../simulation/memory-store.ts'
import { find, functionId, synthesise } from './synthesised.ts'

const template = synthesise()

const LOGS = { 'its log': ['logs:CreateLogStream', 'logs:PutLogEvents'] }
const XRAY = { '*': ['xray:PutTelemetryRecords', 'xray:PutTraceSegments'] }
const KEY = {
  'the key of the tables': [
    'kms:Decrypt',
    'kms:DescribeKey',
    'kms:Encrypt',
    'kms:GenerateDataKey',
    'kms:ReEncryptFrom',
    'kms:ReEncryptTo',
  ],
}
const NETWORK_INTERFACES = [
  'ec2:AssignPrivateIpAddresses',
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:UnassignPrivateIpAddresses',
]
const RING = { doorbell: ['lambda:InvokeFunction'] }
const GIVE_UP = { 'dead letters': ['sqs:SendMessage'] }
const ASSIGN = {
  Devices: ['dynamodb:BatchGetItem', 'dynamodb:DeleteItem', 'dynamodb:GetItem', 'dynamodb:UpdateItem'],
  Servers: ['dynamodb:Scan', 'dynamodb:UpdateItem'],
  AuthState: ['dynamodb:DeleteItem', 'dynamodb:Query'],
  History: ['dynamodb:DeleteItem', 'dynamodb:PutItem', 'dynamodb:Query', 'dynamodb:UpdateItem'],
}
const OPERATE = {
  'Operations, byOpen': ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query', 'dynamodb:UpdateItem'],
}
const COUNT_QUARANTINES = { Operations: ['dynamodb:UpdateItem'] }
const EVICT = ['dynamodb:BatchGetItem', 'dynamodb:DeleteItem', 'dynamodb:GetItem', 'dynamodb:Query']

/** The actions of each role on each resource, by the beginning of the role's logical id. */
const ALLOWED: Record<string, Record<string, string[]>> = {
  [functionId('api')]: {
    ...LOGS,
    ...XRAY,
    ...KEY,
    ...RING,
    ...ASSIGN,
    ...OPERATE,
    'tasks of the cluster': ['ecs:StopTask'],
    'Devices, byOwner, byStatus': [...EVICT, 'dynamodb:PutItem', 'dynamodb:Scan', 'dynamodb:UpdateItem'],
    Servers: [
      'dynamodb:BatchGetItem',
      'dynamodb:DeleteItem',
      'dynamodb:GetItem',
      'dynamodb:Scan',
      'dynamodb:UpdateItem',
    ],
  },
  [functionId('authorizer')]: { ...LOGS, ...XRAY, ...KEY, Keys: ['dynamodb:GetItem'] },
  [functionId('sweep')]: {
    ...LOGS,
    ...XRAY,
    ...KEY,
    ...RING,
    ...GIVE_UP,
    ...ASSIGN,
    ...OPERATE,
    'Devices, byOwner, byUnassigned': [...EVICT, 'dynamodb:Scan', 'dynamodb:UpdateItem'],
    Servers: ['dynamodb:DeleteItem', 'dynamodb:GetItem', 'dynamodb:Scan', 'dynamodb:UpdateItem'],
    'tasks of the cluster': ['ecs:StopTask', 'ecs:UpdateTaskProtection'],
    'the service': ['ecs:DescribeServices', 'ecs:UpdateService'],
  },
  [functionId('task-stopped')]: {
    ...LOGS,
    ...XRAY,
    ...KEY,
    ...RING,
    ...GIVE_UP,
    ...ASSIGN,
    ...COUNT_QUARANTINES,
    'Devices, byOwner': [...EVICT, 'dynamodb:UpdateItem'],
    Servers: ['dynamodb:DeleteItem', 'dynamodb:Scan', 'dynamodb:UpdateItem'],
  },
  [functionId('assign')]: { ...LOGS, ...XRAY, ...KEY, ...RING, ...GIVE_UP, ...ASSIGN },
  [functionId('doorbell')]: { ...LOGS, '*': [...NETWORK_INTERFACES, ...XRAY['*']] },
  [functionId('first-key')]: {
    ...LOGS,
    ...XRAY,
    ...KEY,
    Keys: ['dynamodb:PutItem'],
    'the API key': ['secretsmanager:PutSecretValue'],
  },
  HostsTaskTaskRole: {
    ...KEY,
    'Devices, byOwner': ['dynamodb:GetItem', 'dynamodb:Query', 'dynamodb:UpdateItem'],
    Servers: ['dynamodb:DeleteItem', 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
    AuthState: ['dynamodb:PutItem', 'dynamodb:UpdateItem'],
    History: ['dynamodb:PutItem', 'dynamodb:UpdateItem'],
    assign: ['lambda:InvokeFunction'],
    'the key of the auth state': ['kms:Decrypt', 'kms:Encrypt', 'kms:GenerateDataKey'],
  },
  HostsTaskExecutionRole: {
    '*': ['ecr:GetAuthorizationToken'],
    'the image': ['ecr:BatchCheckLayerAvailability', 'ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
    'its log': ['logs:CreateLogStream', 'logs:PutLogEvents'],
    'the doorbell secret': ['secretsmanager:DescribeSecret', 'secretsmanager:GetSecretValue'],
  },
}
// A role that queries an index of Devices has one statement for the table and its indexes.
for (const allowed of Object.values(ALLOWED)) {
  if (Object.keys(allowed).some((resource) => resource.startsWith('Devices,'))) delete allowed.Devices
}

/** The only actions that have no narrower resource. */
const UNAVOIDABLE = [...XRAY['*'], ...NETWORK_INTERFACES, 'ecr:GetAuthorizationToken']

interface Statement {
  readonly Effect: string
  readonly Action: string | string[]
  readonly Resource: unknown
  readonly Condition?: unknown
}

function statements(role: string): Statement[] {
  const policies = find(template, 'AWS::IAM::Policy').filter(([, { Properties }]) =>
    (Properties.Roles as { Ref: string }[]).some(({ Ref }) => Ref.startsWith(role)),
  )
  return policies.flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement)
}

/** The kind of a resource in words, by the logical id that it refers to. */
function wordFor(resource: unknown): string {
  if (Array.isArray(resource)) return resource.map(wordFor).join(', ')
  const text = JSON.stringify(resource)
  const table = /"Tables(Devices|Servers|AuthState|History|Operations|Keys)[0-9A-F]{8}"/.exec(text)?.[1]
  const index = /\/index\/(\w+)/.exec(text)?.[1]
  if (table) return index ?? table
  const words: [RegExp, string][] = [
    [/^"\*"$/, '*'],
    [/TablesKey/, 'the key of the tables'],
    [/AuthKey/, 'the key of the auth state'],
    [/Log[0-9A-F]{8}","Arn"/, 'its log'],
    [/FunctionsdoorbellFunction/, 'doorbell'],
    [/FunctionsassignFunction/, 'assign'],
    [/DeadLetters/, 'dead letters'],
    [/:task\/.*HostsCluster.*\/\*/, 'tasks of the cluster'],
    [/HostsService/, 'the service'],
    [/FirstKeySecret/, 'the API key'],
    [/DoorbellSecret/, 'the doorbell secret'],
    [/:repository\//, 'the image'],
  ]
  return words.find(([pattern]) => pattern.test(text))?.[1] ?? text
}

function actionsOf({ Action }: Statement): string[] {
  return typeof Action === 'string' ? [Action] : Action
}

describe('least privilege', () => {
  for (const [role, allowed] of Object.entries(ALLOWED)) {
    test(`${role} may do exactly what it does`, () => {
      const found: Record<string, string[]> = {}
      for (const statement of statements(role).filter(({ Effect }) => Effect === 'Allow')) {
        const word = wordFor(statement.Resource)
        found[word] = [...(found[word] ?? []), ...actionsOf(statement)].sort()
      }
      const expected = Object.entries(allowed).map(([word, actions]) => [word, [...actions].sort()])
      assert.deepEqual(found, Object.fromEntries(expected))
    })
  }

  test('hosts write nothing that decides for the fleet: rebalancing, cool-downs, the quarantine limit', async () => {
    const written = new Set<string>()
    const clock = manualClock()
    const memory = createMemory({
      nowMs: () => clock.wallMs(),
      lagMs: () => 0,
      written: ({ table }) => written.add(table),
    })
    const world = { store: storeOn(memory), clock }
    await coolDown(world, 'scale-out', 60)
    await coolDown(world, 'scale-in', 60)
    await mayQuarantine(world)
    await pause(world.store, clock, 'key-1')
    const why = 'a test'
    const status = { state: 'balanced', why, bandPercent: 10, budget: 1, underWay: [], spent: [] } as const
    await saveStatus(world.store, { version: 1 }, status)

    const tablesOfHosts = statements('HostsTaskTaskRole').flatMap(({ Resource }) =>
      wordFor(Resource).split(', '),
    )

    assert.deepEqual([...written], ['Operations'])
    assert.ok(tablesOfHosts.includes('History'))
    assert.ok(!tablesOfHosts.includes('Operations'))
  })

  test('every role is stated here, and none has a managed policy', () => {
    const roles = find(template, 'AWS::IAM::Role')
    const stated = roles.filter(([id]) => Object.keys(ALLOWED).some((begin) => id.startsWith(begin)))
    assert.deepEqual(
      stated.map(([id]) => id),
      roles.map(([id]) => id),
    )
    assert.deepEqual(
      roles.filter(([, { Properties }]) => Properties.ManagedPolicyArns),
      [],
    )
  })

  test('no action is a wildcard, and `*` is the resource only of actions that have no narrower one', () => {
    const all = Object.keys(ALLOWED).flatMap(statements)
    assert.deepEqual(
      all.flatMap(actionsOf).filter((action) => action.includes('*')),
      [],
    )
    const everywhere = all.filter(({ Effect, Resource }) => Effect === 'Allow' && Resource === '*')
    const avoidable = everywhere.flatMap(actionsOf).filter((action) => !UNAVOIDABLE.includes(action))
    assert.deepEqual(avoidable, [])
  })

  test('the key of the tables is used through DynamoDB only', () => {
    const uses = Object.keys(ALLOWED)
      .flatMap(statements)
      .filter(({ Resource }) => wordFor(Resource) === 'the key of the tables')
    assert.ok(uses.length > 0)
    for (const { Condition } of uses) assert.match(JSON.stringify(Condition), /kms:ViaService.*dynamodb\./)
  })

  test('only a server can unwrap a data key, and only for a device and its credentials', () => {
    const roles = find(template, 'AWS::IAM::Role').map(([id]) => id)
    const users = roles.filter((role) =>
      statements(role).some(({ Resource }) => JSON.stringify(Resource).includes('AuthKey')),
    )
    assert.deepEqual(
      users.map((role) => role.replace(/[0-9A-F]{8}$/, '')),
      ['HostsTaskTaskRole'],
    )
    const [use] = statements('HostsTaskTaskRole').filter(
      ({ Resource }) => wordFor(Resource) === 'the key of the auth state',
    )
    assert.deepEqual(use?.Condition, {
      StringLike: { 'kms:EncryptionContext:deviceId': '?*', 'kms:EncryptionContext:credentialsId': '?*' },
      'ForAllValues:StringEquals': { 'kms:EncryptionContextKeys': ['deviceId', 'credentialsId'] },
    })
  })

  test('roles use only the two keys by name, and the policy of the auth key names no other principal', () => {
    const keyUses = Object.keys(ALLOWED)
      .flatMap(statements)
      .filter((statement) => actionsOf(statement).some((action) => action.startsWith('kms:')))
    const words = new Set(keyUses.map(({ Resource }) => wordFor(Resource)))
    assert.deepEqual([...words].sort(), ['the key of the auth state', 'the key of the tables'])
    const [key] = find(template, 'AWS::KMS::Key').filter(([id]) => id.startsWith('AuthKey'))
    const principals = key?.[1].Properties.KeyPolicy.Statement.map(({ Principal }: { Principal: unknown }) =>
      JSON.stringify(Principal),
    )
    assert.equal(principals.length, 1)
    assert.match(principals[0], /:root/)
    assert.equal(key?.[1].Properties.EnableKeyRotation, true)
  })

  test('a key of the operator wraps new data keys, and former keys only unwrap', () => {
    const authKey = 'arn:aws:kms:eu-west-1:123456789012:key/0a1b'
    const former = 'arn:aws:kms:eu-west-1:123456789012:key/2c3d'
    const policies = find(synthesise({ authKey, formerAuthKeys: [former] }), 'AWS::IAM::Policy').filter(
      ([id]) => id.startsWith('HostsTaskTaskRole'),
    )
    const uses = policies
      .flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement as Statement[])
      .filter(({ Condition }) => JSON.stringify(Condition ?? '').includes('EncryptionContextKeys'))
      .map((statement) => [wordFor(statement.Resource), actionsOf(statement)])
    assert.deepEqual(uses, [
      [JSON.stringify(authKey), ['kms:Decrypt', 'kms:Encrypt', 'kms:GenerateDataKey']],
      ['the key of the auth state', ['kms:Decrypt']],
      [JSON.stringify(former), ['kms:Decrypt']],
    ])
  })

  test('the code of the doorbell may not use the permissions that attach it to the network', () => {
    const denied = statements(functionId('doorbell')).filter(({ Effect }) => Effect === 'Deny')
    assert.deepEqual(denied.flatMap(actionsOf).sort(), NETWORK_INTERFACES)
    assert.match(JSON.stringify(denied), /lambda:SourceFunctionArn.*FunctionsdoorbellFunction/)
  })
})
