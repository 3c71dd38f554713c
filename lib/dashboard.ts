/** The dashboard of the fleet: the churn, its causes, and its cost in seconds without a socket. */
import { Duration } from 'aws-cdk-lib'
import {
  Dashboard,
  GraphWidget,
  type IMetric,
  type IWidget,
  LogQueryVisualizationType,
  LogQueryWidget,
  SingleValueWidget,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch'
import type { ITable } from 'aws-cdk-lib/aws-dynamodb'
import type { ILogGroup } from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'
import { CHURN_METRICS, METRICS, type MetricName } from '../core/catalogue.ts'
import { TABLE_NAMES } from '../core/store/tables.ts'
import { FUNCTION_NAMES } from '../lambdas/functions.ts'
import type { Configuration } from './configuration.ts'
import type { Functions } from './functions.ts'
import { fleetSum, metricOf } from './metrics.ts'
import { DISTRIBUTION } from './queries.ts'
import type { Tables } from './tables.ts'

const WIDTH = 24

export interface DashboardProps {
  readonly configuration: Configuration
  readonly functions: Functions
  readonly tables: Tables
  readonly sweepLog: ILogGroup
}

export class FleetDashboard extends Construct {
  readonly dashboard: Dashboard

  constructor(scope: Construct, id: string, props: DashboardProps) {
    super(scope, id)
    this.dashboard = new Dashboard(this, 'Dashboard', {
      dashboardName: props.configuration.stackName,
      defaultInterval: Duration.hours(3),
      widgets: [
        [now()],
        ...rows(ownership()),
        ...rows(timings()),
        ...rows([distribution(props.sweepLog), ...functionGraphs(props.functions)]),
        ...rows(tableGraphs(props.tables)),
        [new TextWidget({ markdown: legend(), width: WIDTH, height: 10 })],
      ],
    })
  }
}

function now(): IWidget {
  return new SingleValueWidget({
    title: 'Now',
    width: WIDTH,
    height: 4,
    metrics: [
      ...(
        ['DevicesConnected', 'DevicesAssigned', 'DevicesUnassigned', 'ServersActive', 'Utilisation'] as const
      ).map((name) => metricOf(name, 'sweep', 'Maximum')),
      fleetSum('Conflicts', 15),
    ],
  })
}

function ownership(): IWidget[] {
  return [
    graph('Devices by status', [
      metricOf('DevicesConnected', 'sweep', 'Maximum'),
      metricOf('DevicesAssigned', 'sweep', 'Maximum'),
      metricOf('DevicesUnassigned', 'sweep', 'Maximum'),
    ]),
    graph(
      'Assignments, releases, evictions, moves / min',
      sums('Assignments', 'Releases', 'Evictions', 'Moves'),
    ),
    graph(
      'Burials, fenced servers / min',
      sums('Burials', 'BurialsDeferred', 'FencedServers', 'ServerCrashes'),
    ),
    graph(
      'Faults of single devices, quarantines / min',
      sums('DeviceFaults', 'Quarantines', 'QuarantinesDeferred', 'StrayRejections'),
    ),
    graph(
      'Conflicts and what was prevented / min',
      sums('Conflicts', 'PermitsRefused', 'StaleWritesRefused'),
    ),
    graph('Connects and disconnects / min', sums('Connects', 'Disconnects')),
    graph('Messages received / min', sums('MessagesReceived')),
    graph('Stalled sockets / min', sums('Stalls')),
    graph('Age of the oldest unanswered work, s', [metricOf('OldestUnansweredSeconds', 'host', 'Maximum')]),
    graph(
      'Refused by WhatsApp / min',
      sums('TemporaryBans', 'ClientOutdated', 'UnknownLogouts', 'LoginsRefused'),
    ),
  ]
}

function timings(): IWidget[] {
  return [
    graph('Seconds without a socket', percentiles('SecondsWithoutSocket')),
    graph('Moves that ended, and their seconds without a socket / min', sums('MovesFinished', 'MoveSeconds')),
    graph('Milliseconds from permit to login', percentiles('ConnectMilliseconds')),
    graph('Utilisation, %', [metricOf('Utilisation', 'sweep', 'Maximum')]),
    graph('Servers', [metricOf('ServersActive', 'sweep', 'Maximum')]),
    graph('Load counters corrected / min', sums('LoadCorrections')),
    graph('Looks of the sweep that failed / min', [metricOf('LooksFailed', 'sweep', 'Sum')]),
  ]
}

function distribution(sweepLog: ILogGroup): IWidget {
  return new LogQueryWidget({
    title: 'Load per server',
    logGroupNames: [sweepLog.logGroupName],
    queryLines: [...DISTRIBUTION],
    view: LogQueryVisualizationType.TABLE,
    width: 8,
    height: 6,
  })
}

function functionGraphs({ byName, deadLetters }: Functions): IWidget[] {
  const of = (what: 'metricErrors' | 'metricThrottles' | 'metricDuration') =>
    FUNCTION_NAMES.map((name) => byName[name].function[what]({ period: Duration.minutes(1), label: name }))
  return [
    graph('Lambda errors', of('metricErrors')),
    graph('Lambda throttles', of('metricThrottles')),
    graph('Lambda duration, ms', of('metricDuration')),
    graph('Dead letters', [deadLetters.metricApproximateNumberOfMessagesVisible()]),
  ]
}

function tableGraphs({ tables }: Tables): IWidget[] {
  const of = (metric: (table: ITable) => IMetric) => TABLE_NAMES.map((name) => metric(tables[name]))
  const named = (metricName: string, label: (name: string) => string) =>
    of((table) =>
      table.metric(metricName, {
        period: Duration.minutes(1),
        statistic: 'Sum',
        label: label(table.node.id),
        dimensionsMap: { TableName: table.tableName },
      }),
    )
  return [
    graph(
      'DynamoDB read units / min',
      named('ConsumedReadCapacityUnits', (name) => name),
    ),
    graph(
      'DynamoDB write units / min',
      named('ConsumedWriteCapacityUnits', (name) => name),
    ),
    graph('DynamoDB throttles', [
      ...named('ReadThrottleEvents', (name) => `${name} reads`),
      ...named('WriteThrottleEvents', (name) => `${name} writes`),
    ]),
  ]
}

function sums(...names: MetricName[]): IMetric[] {
  return names.map((name) => fleetSum(name))
}

function percentiles(name: MetricName): IMetric[] {
  return ['p50', 'p99'].map((statistic) => metricOf(name, 'host', statistic).with({ label: statistic }))
}

function graph(title: string, left: IMetric[]): IWidget {
  return new GraphWidget({ title, left, width: 8, height: 6, leftYAxis: { min: 0 } })
}

/** Lays out three widgets in a row. */
function rows(widgets: readonly IWidget[]): IWidget[][] {
  const count = Math.ceil(widgets.length / 3)
  return Array.from({ length: count }, (_, row) => widgets.slice(row * 3, row * 3 + 3))
}

/** Explains each metric of the catalogue, the churn metrics first. */
function legend(): string {
  const names = Object.keys(METRICS) as MetricName[]
  const churn = new Set<string>(CHURN_METRICS)
  const ordered = [...names.filter((name) => churn.has(name)), ...names.filter((name) => !churn.has(name))]
  const lines = ordered.map((name) => `| ${name} | ${METRICS[name].says} |`)
  return ['| metric | says |', '|---|---|', ...lines].join('\n')
}
