/** The metrics of core/catalogue.ts in CloudWatch, with the namespace and the dimension of
 *  aws/powertools-telemetry.ts. */
import { Duration } from 'aws-cdk-lib'
import { MathExpression, Metric } from 'aws-cdk-lib/aws-cloudwatch'
import { METRIC_NAMESPACE } from '../aws/powertools-telemetry.ts'
import { METRICS, type MetricName } from '../core/catalogue.ts'

/** The emitters of metrics: every function that decides, and the servers. */
const SERVICES = ['api', 'sweep', 'assign', 'task-stopped', 'host'] as const
export type Service = (typeof SERVICES)[number]

export function metricOf(name: MetricName, service: Service, statistic: string, minutes = 1): Metric {
  return new Metric({
    namespace: METRIC_NAMESPACE,
    metricName: name,
    dimensionsMap: { service },
    statistic,
    period: Duration.minutes(minutes),
    label: METRICS[name].says,
  })
}

/** The sum over all services that may emit the metric. A service without a value counts as 0. */
export function fleetSum(name: MetricName, minutes = 1): MathExpression {
  // CloudWatch wants a different id for each metric of a graph, beginning with a small letter.
  const ids = SERVICES.map((service) => `m${name}_${service.replace('-', '_')}`)
  return new MathExpression({
    expression: `SUM([${ids.map((id) => `FILL(${id}, 0)`).join(', ')}])`,
    usingMetrics: Object.fromEntries(
      SERVICES.map((service, at) => [ids[at], metricOf(name, service, 'Sum', minutes)]),
    ),
    period: Duration.minutes(minutes),
    label: name,
  })
}
