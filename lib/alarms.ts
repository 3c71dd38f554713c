/** What somebody must look at. docs/operations.md says what each means and what to do. */
import { Duration } from 'aws-cdk-lib'
import { Alarm, ComparisonOperator, type IMetric, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch'
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions'
import { Topic } from 'aws-cdk-lib/aws-sns'
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions'
import { Construct } from 'constructs'
import type { Configuration } from './configuration.ts'
import type { Functions } from './functions.ts'
import { fleetSum, metricOf } from './metrics.ts'

const UTILISATION_PERCENT_MAX = 90
/** One device that is refused by a code that may pass is tried some ten times in the first quarter of an hour. */
const LOGINS_REFUSED_MAX = 20
/** One device that WhatsApp sends something poisonous faults some fifteen times in this time, at the cap of its backoff. */
const DEVICE_FAULTS_PER_QUARTER_HOUR_MAX = 30
/** One now and then heals by itself; more are a device that keeps stalling, or WhatsApp. */
const STALLS_PER_QUARTER_HOUR_MAX = 3

interface AlarmPlan {
  readonly name: string
  readonly says: string
  readonly metric: IMetric
  readonly above?: number
  readonly below?: number
  /** Of the metric's period, in a row. */
  readonly periods: number
  /** Most metrics are only there when something happened. */
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
    if (configuration.alarmEmail) this.topic.addSubscription(new EmailSubscription(configuration.alarmEmail))
    for (const plan of plans(props)) this.#raise(plan, configuration.stackName)
  }

  #raise({ name, says, metric, above, below, periods, silenceIsBad }: AlarmPlan, stackName: string): void {
    const alarm = new Alarm(this, name, {
      alarmName: `${stackName}-${name}`,
      alarmDescription: `${says} See docs/operations.md.`,
      metric,
      threshold: above ?? below ?? 0,
      comparisonOperator:
        above === undefined
          ? ComparisonOperator.LESS_THAN_THRESHOLD
          : ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: periods,
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
      says: 'WhatsApp closed a socket with status 440: two clients logged in with one device.',
      metric: metricOf('Conflicts', 'host', 'Sum'),
      above: 0,
      periods: 1,
    },
    {
      name: 'Stalls',
      says: 'Sockets stalled again and again: WhatsApp or the store did not answer their work.',
      metric: fleetSum('Stalls', 15),
      above: STALLS_PER_QUARTER_HOUR_MAX,
      periods: 1,
    },
    {
      name: 'Unassigned',
      says: 'Devices that should run have had no server for five minutes.',
      metric: metricOf('DevicesUnassigned', 'sweep', 'Minimum'),
      above: 0,
      periods: 5,
    },
    {
      name: 'Burials',
      says: 'Servers die more often than now and then.',
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
      says: 'A device was put aside: its servers died again and again while it connected or was at work.',
      metric: fleetSum('Quarantines'),
      above: 0,
      periods: 1,
    },
    {
      name: 'QuarantinesDeferred',
      says: 'More devices than an hour allows would be quarantined: the servers are more likely at fault.',
      metric: fleetSum('QuarantinesDeferred'),
      above: 0,
      periods: 1,
    },
    {
      name: 'ServerCrashes',
      says: 'A server ended by an error that belongs to no device.',
      metric: fleetSum('ServerCrashes'),
      above: 0,
      periods: 1,
    },
    {
      name: 'DeviceFaults',
      says: 'Sockets end by errors in what they receive or run, again and again.',
      metric: metricOf('DeviceFaults', 'host', 'Sum', 15),
      above: DEVICE_FAULTS_PER_QUARTER_HOUR_MAX,
      periods: 1,
    },
    {
      name: 'Utilisation',
      says: `The fleet is more than ${UTILISATION_PERCENT_MAX} % full.`,
      metric: metricOf('Utilisation', 'sweep', 'Maximum'),
      above: UTILISATION_PERCENT_MAX,
      periods: 5,
    },
    {
      name: 'ClientOutdated',
      says:
        'WhatsApp refuses the version of the client, to the whole fleet: set the option whatsappVersion ' +
        '(WHATSAPP_VERSION).',
      metric: metricOf('ClientOutdated', 'host', 'Sum'),
      above: 0,
      periods: 1,
    },
    {
      name: 'TemporaryBans',
      says: 'WhatsApp has banned an account for a while; its device waits until that is over.',
      metric: metricOf('TemporaryBans', 'host', 'Sum'),
      above: 0,
      periods: 1,
    },
    {
      name: 'UnknownLogouts',
      says: 'WhatsApp has logged a device out and does not say why.',
      metric: metricOf('UnknownLogouts', 'host', 'Sum'),
      above: 0,
      periods: 1,
    },
    {
      name: 'LoginsRefused',
      says: `WhatsApp refuses logins by other codes, more than ${LOGINS_REFUSED_MAX} within 15 minutes.`,
      metric: metricOf('LoginsRefused', 'host', 'Sum', 15),
      above: LOGINS_REFUSED_MAX,
      periods: 1,
    },
    {
      name: 'SweepNotRunning',
      says: 'No sweep has measured the fleet for three minutes: nobody buries silent servers.',
      metric: metricOf('ServersActive', 'sweep', 'SampleCount'),
      below: 1,
      periods: 3,
      silenceIsBad: true,
    },
    {
      name: 'SweepErrors',
      says: 'Sweeps fail.',
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
