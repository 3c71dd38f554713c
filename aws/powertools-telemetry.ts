/** Telemetry by AWS Lambda Powertools: JSON log lines, and EMF lines that CloudWatch turns into metrics.
 *  Lambdas and hosts both use it. The local fleet writes the same lines into its log files. */
import { Logger } from '@aws-lambda-powertools/logger'
import { Metrics } from '@aws-lambda-powertools/metrics'
import {
  type ChurnMetric,
  countedBy,
  EVENTS,
  type EventName,
  METRICS,
  type MetricName,
} from '../core/catalogue.ts'
import type { ChurnLedger } from '../core/telemetry/churn.ts'
import type { EventFields, Telemetry } from '../core/telemetry.ts'

export const METRIC_NAMESPACE = 'Mooring'

export interface FlushedTelemetry extends Telemetry {
  /** Writes the metrics since the last flush, and adds the churn counts to the store. */
  flush(): Promise<void>
}

/** @param service names the part that emits: `api`, `sweep`, `host`, ... */
export function powertoolsTelemetry(service: string, ledger: ChurnLedger): FlushedTelemetry {
  const logger = new Logger({ serviceName: service })
  const metrics = new Metrics({ namespace: METRIC_NAMESPACE, serviceName: service })
  const measure = (name: MetricName, value: number) => {
    metrics.addMetric(name, METRICS[name].unit, value)
    if (METRICS[name].churn) ledger.count(name as ChurnMetric, value)
  }
  /** Errors come from libraries and carry what those received. An error that cannot be written must not
   *  cause another. */
  const write = (level: (typeof EVENTS)[EventName]['level'], event: EventName, fields: EventFields) => {
    try {
      logger[level](event, { event, ...fields })
    } catch {
      logger[level](event, { event, ...plainOf(fields), unwritten: 'its other fields cannot be written' })
    }
  }
  return {
    emit(event, fields = {}, measures = {}) {
      write(EVENTS[event].level, event, fields)
      const counted = countedBy(event)
      if (counted) measure(counted, 1)
      for (const [name, value] of Object.entries(measures)) measure(name as MetricName, value)
    },
    async flush() {
      if (metrics.hasStoredMetrics()) metrics.publishStoredMetrics()
      await ledger.flush()
    },
  }
}

function plainOf(fields: EventFields): EventFields {
  const plain = Object.entries(Object.getOwnPropertyDescriptors(fields)).filter(([, { value }]) =>
    ['string', 'number', 'boolean'].includes(typeof value),
  )
  return Object.fromEntries(plain.map(([fact, { value }]) => [fact, value]))
}
