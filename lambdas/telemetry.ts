/** Telemetry for a function that counts no churn: it then needs no permission to write the counts. */
import { type FlushedTelemetry, powertoolsTelemetry } from '../aws/powertools-telemetry.ts'
import type { ChurnLedger } from '../core/telemetry/churn.ts'
import type { FunctionName } from './functions.ts'

export function lambdaTelemetry(name: FunctionName): FlushedTelemetry {
  const nothing: ChurnLedger = { count: () => undefined, flush: async () => undefined }
  return powertoolsTelemetry(name, nothing)
}
