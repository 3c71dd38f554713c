import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { METRIC_NAMESPACE } from '../../aws/powertools-telemetry.ts'
import { CHURN_METRICS, EVENTS, METRICS } from '../../core/catalogue.ts'
import { find, one, synthesise } from './synthesised.ts'

const template = synthesise({ alarmEmail: 'on@call.example' })
const alarms = new Map(
  find(template, 'AWS::CloudWatch::Alarm').map(([, { Properties }]) => [Properties.AlarmName, Properties]),
)
const queries = find(template, 'AWS::Logs::QueryDefinition').map(([, { Properties }]) => Properties)
/** The text of the dashboard, with references in it. */
const dashboard = JSON.stringify(one(template, 'AWS::CloudWatch::Dashboard').Properties.DashboardBody)

describe('the dashboard', () => {
  for (const metric of CHURN_METRICS) {
    test(`shows ${metric}`, () => {
      assert.match(dashboard, new RegExp(`\\\\"${METRIC_NAMESPACE}\\\\",\\\\"${metric}\\\\"`))
    })
  }

  test('shows every other metric of the catalogue', () => {
    for (const metric of Object.keys(METRICS)) assert.ok(dashboard.includes(metric), metric)
  })

  test('shows how long devices were without a socket, p50 and p99', () => {
    for (const percentile of ['p50', 'p99']) {
      assert.match(dashboard, new RegExp(`SecondsWithoutSocket[^\\]]*stat\\\\":\\\\"${percentile}`))
    }
  })

  test('shows errors and throttles of Lambda and DynamoDB, and the units it consumes', () => {
    for (const name of ['Errors', 'Throttles', 'ReadThrottleEvents', 'WriteThrottleEvents']) {
      assert.ok(dashboard.includes(`\\"${name}\\"`), name)
    }
    assert.ok(dashboard.includes('ConsumedWriteCapacityUnits'))
  })
})

describe('alarms', () => {
  const expected: [string, RegExp, Record<string, unknown>][] = [
    ['Conflict', /"MetricName":"Conflicts".*"Stat":"Sum"/, { Threshold: 0, EvaluationPeriods: 1 }],
    ['Unassigned', /"MetricName":"DevicesUnassigned".*"Period":60/, { Threshold: 0 }],
    ['Burials', /"MetricName":"Burials".*"Period":900/, { Threshold: 3 }],
    ['Utilisation', /"MetricName":"Utilisation"/, { Threshold: 90 }],
    ['SweepNotRunning', /"MetricName":"ServersActive"/, { ComparisonOperator: 'LessThanThreshold' }],
    ['LooksFailed', /"MetricName":"LooksFailed".*"Stat":"Sum"/, { Threshold: 0, DatapointsToAlarm: 3 }],
    ['DeadLetters', /"MetricName":"ApproximateNumberOfMessagesVisible"/, { Threshold: 0 }],
  ]
  for (const [name, metric, properties] of expected) {
    test(`${name} has the metric and the threshold that it should have`, () => {
      const alarm = alarms.get(`Mooring-${name}`)
      assert.ok(alarm)
      assert.match(JSON.stringify(alarm), metric)
      assert.partialDeepStrictEqual(alarm, properties)
    })
  }

  // The begin of a sweep may fall on either side of a minute's edge, so a minute can be without a sample.
  for (const name of ['Unassigned', 'Utilisation']) {
    test(`${name}, which has one sample a minute, bears two minutes without one`, () => {
      const { EvaluationPeriods, DatapointsToAlarm } = alarms.get(`Mooring-${name}`) ?? {}
      assert.deepEqual([DatapointsToAlarm, EvaluationPeriods], [4, 6])
    })
  }

  test('all go to the topic, which sends them to the e-mail address', () => {
    for (const [name, { AlarmActions }] of alarms)
      assert.match(JSON.stringify(AlarmActions), /AlarmsTopic/, name)
    template.hasResourceProperties('AWS::SNS::Subscription', {
      Protocol: 'email',
      Endpoint: 'on@call.example',
    })
  })

  test('stay quiet while nothing happens, except the one for a missing sweep', () => {
    const loud = [...alarms].filter(([, { TreatMissingData }]) => TreatMissingData === 'breaching')
    assert.deepEqual(
      loud.map(([name]) => name),
      ['Mooring-SweepNotRunning'],
    )
  })
})

describe('saved queries', () => {
  test('answer the questions of the older system', () => {
    const names = queries.map(({ Name }) => Name)
    for (const begin of [
      'Good',
      'Prevented',
      'Bad',
      'Distribution per server',
      'Devices disconnected in the last 15',
    ]) {
      assert.ok(
        names.some((name: string) => name.startsWith(`Mooring/${begin}`)),
        begin,
      )
    }
  })

  // now() is in seconds, and @timestamp in milliseconds: compared as they are, every line is later than now.
  // https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-Functions.html
  test('compare times in the same unit, so that "the last 15 minutes" leaves out what is older', () => {
    const ofTime = queries.flatMap(({ QueryString }) =>
      QueryString.split('\n| ').filter((line: string) => line.includes('now()')),
    )
    assert.deepEqual(ofTime, ['filter toMillis(@timestamp) >= now() * 1000 - 900000'])
  })

  test('search only for events of the catalogue', () => {
    for (const { QueryString } of queries) {
      const searched = [...QueryString.matchAll(/"([a-z]+\.[a-z_]+)"/g)].map(([, event]) => event)
      for (const event of searched) assert.ok(event in EVENTS, `${event} in ${QueryString}`)
    }
  })
})
