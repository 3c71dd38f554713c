/** The environment of the Lambdas, read once and validated by one schema. functions.ts
 *  lists the variables of each. */
import * as z from 'zod'
import { FLEET_CONNECTS_PER_SECOND, REBALANCE_DEFAULTS } from '../core/settings.ts'
import { SWEEP_LOOKS_FOR_MS } from '../core/sweep/sweep.ts'
import { FUNCTIONS, type FunctionName } from './functions.ts'

const milliseconds = z.coerce.number().int().positive().optional()

/** A list of secrets, separated by commas. */
const secrets = z
  .string()
  .transform((text) => text.split(',').map((secret) => secret.trim()))
  .pipe(z.tuple([z.string().min(16)], z.string().min(16)))

const schema = z.object({
  TABLE_PREFIX: z.string().default('Mooring-'),
  /** The name or the ARN of the doorbell Lambda. */
  DOORBELL_FUNCTION: z.string().min(1),
  /** Shared with the servers. The doorbell is the only Lambda that knows it. */
  DOORBELL_SECRET: z.string().min(16),
  /** Signs the cursors of listings: the first secret signs, and cursors signed by the others
   *  are still accepted. Every instance of the function has the same secrets, so any
   *  instance can give the next page. */
  CURSOR_SECRET: secrets,
  /** The cluster of the servers' tasks. The task of a buried server is stopped;
   *  without a cluster no task is. */
  ECS_CLUSTER: z.string().min(1).optional(),
  /** The service whose tasks are the servers. Without it the sweep does not scale. */
  ECS_SERVICE: z.string().min(1).optional(),
  SERVERS_MIN: z.coerce.number().int().min(0).default(1),
  SERVERS_MAX: z.coerce.number().int().min(1).default(1),
  /** Longer than the minute or so that a new task needs until its server has joined. */
  SCALE_OUT_COOL_DOWN_SECONDS: z.coerce.number().int().positive().default(120),
  SCALE_IN_COOL_DOWN_SECONDS: z.coerce.number().int().positive().default(600),
  /** For all servers together: the sweep gives each a share. */
  FLEET_CONNECTS_PER_SECOND: z.coerce.number().positive().max(100_000).default(FLEET_CONNECTS_PER_SECOND),
  REBALANCING: z.enum(['on', 'off']).default(REBALANCE_DEFAULTS.enabled ? 'on' : 'off'),
  REBALANCE_BAND_PERCENT: z.coerce.number().min(1).max(100).default(REBALANCE_DEFAULTS.bandPercent),
  /** The part of the fleet's devices that may move within ten minutes. */
  REBALANCE_SHARE_OF_FLEET_PERCENT: z.coerce
    .number()
    .positive()
    .max(100)
    .default(REBALANCE_DEFAULTS.shareOfFleetPercent),
  REBALANCE_IN_FLIGHT_PER_SERVER: z.coerce
    .number()
    .int()
    .min(1)
    .max(100)
    .default(REBALANCE_DEFAULTS.inFlightPerServer),
  SWEEP_LOOKS_FOR_MS: z.coerce.number().int().positive().default(SWEEP_LOOKS_FOR_MS),
  BEAT_EVERY_MS: milliseconds,
  FENCE_AFTER_MS: milliseconds,
  BURY_AFTER_MS: milliseconds,
})

type Environment = z.output<typeof schema>
type VariableOf<F extends FunctionName> = (typeof FUNCTIONS)[F]['variables'][number]
export type FunctionEnvironment<F extends FunctionName> = Pick<Environment, VariableOf<F>>

/** @throws Error that names each missing or wrong variable, and the form that it should have */
export function readEnvironment<F extends FunctionName>(
  name: F,
  variables: Readonly<Record<string, string | undefined>>,
): FunctionEnvironment<F> {
  const wanted = Object.fromEntries(FUNCTIONS[name].variables.map((variable) => [variable, true]))
  const read = schema.pick(wanted as Record<keyof Environment, true>).safeParse(variables)
  if (read.success) return read.data
  const faults = read.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`)
  throw new Error(
    `BAD_ENVIRONMENT: the ${name} Lambda cannot run with these variables:\n${faults.join('\n')}`,
  )
}
