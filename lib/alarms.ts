/** The alarms: each asks for a person. docs/operations.md gives the meaning of each and what to do. */
import { Duration, Stack } from 'aws-cdk-lib'
import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch'
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions'
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Topic } from 'aws-cdk-lib/aws-sns'
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions'
import { Construct } from 'constructs'
import type { Configuration } from './configuration.ts'
import type { Functions } from './functions.ts'
import { fleetSum, metricOf } from './metrics.ts'

const UTILISATION_PERCENT_MAX = 90
/** A device that WhatsApp refuses for a time is tried some ten times in the first quarter of an hour. */
const LOGINS_REFUSED_MAX = 20
/** A device with a poisonous message faults some fifteen times in a quarter of an hour,
 *  at the cap of its backoff. */
const DEVICE_FAULTS_PER_QUARTER_HOUR_MAX = 30
/** A single stall heals by itself. More of them mean that one device keeps stalling, or
 *  that WhatsApp has a fault. */
const STALLS_PER_QUARTER_HOUR_MAX = 3

/** For metrics with one sample a minute, at the begin of a sweep. That begin may fall on either side of a
 *  minute's edge: some minutes then have two samples and some have none. */
const FOUR_OF_SIX = { periods: 4, outOf: 6 } as const

interface AlarmPlan {
  readonly name: string
  readonly says: string
  readonly metric: IMetric
  readonly above?: number
  readonly below?: number
  /** The number of the metric's periods that raise the alarm: in a row, unless `outOf` is given. */
  readonly periods: number
  readonly outOf?: number
  /** Set where a missing metric raises the alarm. Most metrics are missing while nothing happens. */
  readonly silenceIsBad?: boolean
}

export interface AlarmsProps {
  readonly configuration: Configuration
  readonly functions: Functions
}

export class Alarms extends Construct {
  readonly topic: Topic

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id)
    const { configuration } = props
    this.topic = new Topic(this, 'Topic', { enforceSSL: true })
    this.#letAlarmsPublish()
    if (configuration.alarmEmail) this.topic.addSubscription(new EmailSubscription(configuration.alarmEmail))
    for (const plan of plans(props)) this.#raise(plan, configuration.stackName)
  }

  /** `enforceSSL` gives the topic a policy of its own. That policy replaces the one of SNS, which lets the
   *  alarms of the account publish. An alarm that may not publish turns red in the console and tells
   *  nobody. */
  #letAlarmsPublish(): void {
    this.topic.addToResourcePolicy(
      new PolicyStatement({
        actions: ['sns:Publish'],
        principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
        resources: [this.topic.topicArn],
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    )
  }

  #raise(
    { name, says, metric, above, below, periods, outOf, silenceIsBad }: AlarmPlan,
    stackName: string,
  ): void {
    const alarm = new Alarm(this, name, {
      alarmName: `${stackName}-${name}`,
      alarmDescription: `${says} See docs/operations.md.`,
      metric,
      threshold: above ?? below ?? 0,
      comparisonOperator:
        above === undefined
          ? ComparisonOperator.LESS_THAN_THRESHOLD
          : ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: outOf ?? periods,
      datapointsToAlarm: periods,
      treatMissingData: silenceIsBad ? TreatMissingData.BREACHING : TreatMissingData.NOT_BREACHING,
    })
    alarm.addAlarmAction(new SnsAction(this.topic))
    alarm.addOkAction(new SnsAction(this.topic))
  }
}

function plans({ configuration, functions }: AlarmsProps): AlarmPlan[] {
  const { sweep } = functions.byName
  return [
    {
      name: 'Conflict',
      says: 'WhatsApp closed a socket with code 440: two clients logged in with one device.',
      metric: metricOf('Conflicts', 'host', 'Sum'),
      above: 0,
      periods: 1,
    },
    {
      name: 'Stalls',
      says: 'Sockets stalled repeatedly: WhatsApp or the store did not answer their work.',
      metric: fleetSum('Stalls', 15),
      above: STALLS_PER_QUARTER_HOUR_MAX,
      periods: 1,
    },
    {
      name: 'Unassigned',
      says: 'Devices that should run have had no server in four of the last six minutes.',
      metric: metricOf('DevicesUnassigned', 'sweep', 'Minimum'),
      above: 0,
      ...FOUR_OF_SIX,
    },
    {
      name: 'Burials',
      says: 'Servers die too often.',
      metric: fleetSum('Burials', 15),
      above: configuration.burialsPerQuarterHour,
      periods: 1,
    },
    {
      name: 'BurialsDeferred',
      says: 'Most servers fell silent together: DynamoDB may be out of reach.',
      metric: metricOf('BurialsDeferred', 'sweep', 'Sum'),
      above: 0,
      periods: 1,
    },
    {
      name: 'Quarantines',
      says: 'A device was quarantined: its servers died repeatedly while it connected or was at work.',
      metric: fleetSum('Quarantines'),
      above: 0,
      periods: 1,
    },
    {
      name: 'QuarantinesDeferred',
      says: 'Too many devices would be quarantined in one hour: the servers are more likely at fault.',
      metric: fleetSum('QuarantinesDeferred'),
      above: 0,
      periods: 1,
    },
    {
      name: 'ServerCrashes',
      says: 'A server ended by an error that no device caused.',
      metric: fleetSum('ServerCrashes'),
      above: 0,
      periods: 1,
    },
    {
      name: 'DeviceFaults',
      says: 'Sockets of devices end repeatedly by faults.',
      metric: metricOf('DeviceFaults', 'host', 'Sum', 15),
      above: DEVICE_FAULTS_PER_QUARTER_HOUR_MAX,
      periods: 1,
    },
    {
      name: 'Utilisation',
      says: `The fleet is more than ${UTILISATION_PERCENT_MAX} % full.`,
      metric: metricOf('Utilisation', 'sweep', 'Maximum'),
      above: UTILISATION_PERCENT_MAX,
      ...FOUR_OF_SIX,
    },
    {
      name: 'ClientOutdated',
      says:
        'WhatsApp refuses the version of the client for the whole fleet: set the option whatsappVersion ' +
        '(WHATSAPP_VERSION).',
      metric: metricOf('ClientOutdated', 'host', 'Sum'),
      above: 0,
      periods: 1,
    },
    {
      name: 'TemporaryBans',
      says: 'WhatsApp has banned an account for a time; its device waits for the end of the ban.',
      metric: metricOf('TemporaryBans', 'host', 'Sum'),
      above: 0,
      periods: 1,
    },
    {
      name: 'UnknownLogouts',
      says: 'WhatsApp has logged a device out without a reason.',
      metric: metricOf('UnknownLogouts', 'host', 'Sum'),
      above: 0,
      periods: 1,
    },
    {
      name: 'LoginsRefused',
      says: `WhatsApp has refused more than ${LOGINS_REFUSED_MAX} logins with other codes within 15 minutes.`,
      metric: metricOf('LoginsRefused', 'host', 'Sum', 15),
      above: LOGINS_REFUSED_MAX,
      periods: 1,
    },
    {
      name: 'SweepNotRunning',
      says: 'No sweep has measured the fleet for three minutes, so silent servers are not buried.',
      metric: metricOf('ServersActive', 'sweep', 'SampleCount'),
      below: 1,
      periods: 3,
      silenceIsBad: true,
    },
    {
      name: 'LooksFailed',
      says: 'Looks of the sweep fail again and again: devices may not get a server.',
      metric: metricOf('LooksFailed', 'sweep', 'Sum'),
      above: 0,
      // A part that runs once in a sweep fails once a minute. A single failure is made good by the next look.
      periods: 3,
      outOf: 5,
    },
    {
      name: 'SweepErrors',
      says: 'Sweeps are cut off, or do not start.',
      metric: sweep.function.metricErrors({ period: Duration.minutes(1) }),
      above: 0,
      periods: 3,
    },
    {
      name: 'DeadLetters',
      says: 'An event was given up after all its tries.',
      metric: functions.deadLetters.metricApproximateNumberOfMessagesVisible({ period: Duration.minutes(1) }),
      above: 0,
      periods: 1,
    },
  ]
}
