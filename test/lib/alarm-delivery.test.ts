import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Template } from 'aws-cdk-lib/assertions'
import { find, synthesise } from './synthesised.ts'

const OPTION_SETS: Record<string, unknown>[] = [
  {},
  { alarmEmail: 'on@call.example' },
  { network: 'private', hostImage: 'example.org/mooring:1', alarmEmail: 'on@call.example' },
  { stackName: 'Staging', removalPolicy: 'destroy', deletionProtection: false },
]

interface Statement {
  readonly Effect: string
  readonly Action: string
  readonly Principal: unknown
  readonly Resource: unknown
  readonly Condition?: unknown
}

/** SNS has no other policy for the topic: a policy of the template replaces the one that SNS makes itself. */
function policyOf(template: Template, topic: unknown): Statement[] {
  const wanted = JSON.stringify(topic)
  return find(template, 'AWS::SNS::TopicPolicy')
    .filter(([, { Properties }]) =>
      Properties.Topics.some((named: unknown) => JSON.stringify(named) === wanted),
    )
    .flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement as Statement[])
}

/** The actions of alarms whose topic does not let CloudWatch publish for this account. */
function undelivered(template: Template): string[] {
  return find(template, 'AWS::CloudWatch::Alarm').flatMap(([id, { Properties }]) => {
    const actions: unknown[] = [...(Properties.AlarmActions ?? []), ...(Properties.OKActions ?? [])]
    return actions.filter((topic) => !policyOf(template, topic).some(allows(topic))).map(() => id)
  })
}

function allows(topic: unknown) {
  const wanted = {
    Effect: 'Allow',
    Action: 'sns:Publish',
    Principal: { Service: 'cloudwatch.amazonaws.com' },
    Resource: topic,
    Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
  }
  return ({ Effect, Action, Principal, Resource, Condition }: Statement) =>
    JSON.stringify({ Effect, Action, Principal, Resource, Condition }) === JSON.stringify(wanted)
}

describe('every alarm reaches the subscribers', () => {
  for (const mooring of OPTION_SETS) {
    const template = synthesise(mooring)
    const alarms = find(template, 'AWS::CloudWatch::Alarm').map(([, { Properties }]) => Properties)

    test(`CloudWatch may publish to the topic of each alarm, with ${JSON.stringify(mooring)}`, () => {
      assert.ok(alarms.length > 15)
      assert.deepEqual(undelivered(template), [])
    })

    test(`each alarm tells its begin and its end, with ${JSON.stringify(mooring)}`, () => {
      assert.deepEqual(
        alarms.map(({ AlarmActions, OKActions }) => [AlarmActions.length, OKActions.length]),
        alarms.map(() => [1, 1]),
      )
    })
  }

  test('nobody publishes without TLS', () => {
    const template = synthesise()
    const statements = find(template, 'AWS::SNS::TopicPolicy').flatMap(
      ([, { Properties }]) => Properties.PolicyDocument.Statement as Statement[],
    )
    const denied = statements.filter(({ Effect }) => Effect === 'Deny')
    assert.match(JSON.stringify(denied), /sns:Publish.*aws:SecureTransport":"false"/)
  })
})
