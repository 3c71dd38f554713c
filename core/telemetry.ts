/** How events and metrics leave a Lambda or a server. catalogue.ts says which metric each event counts. */
import type { EventName, MetricName } from './catalogue.ts'
import type { DeviceId, Epoch, ServerId } from './ids.ts'

/** The facts of an event, for people. Never key material, message texts or phone numbers. */
export interface EventFields {
  readonly deviceId?: DeviceId
  readonly serverId?: ServerId
  readonly epoch?: Epoch
  readonly why?: string
  readonly code?: number | string
  readonly error?: unknown
  readonly [fact: string]: unknown
}

export type Measures = { readonly [M in MetricName]?: number }

export interface Telemetry {
  emit(event: EventName, fields?: EventFields, measures?: Measures): void
}
