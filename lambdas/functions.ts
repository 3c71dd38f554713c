/** The table of the Lambdas of the control plane: the variables that each reads, and how long it may run. The
 *  stack deploys the Lambdas by this table, and the local fleet runs them by it. */

const PROTOCOL = ['BEAT_EVERY_MS', 'FENCE_AFTER_MS', 'BURY_AFTER_MS'] as const
/** For each function that assigns devices or tells servers to look. */
const WORLD = ['TABLE_PREFIX', 'DOORBELL_FUNCTION', ...PROTOCOL] as const
/** For the sweep, which ends the tasks of buried servers and sets the number of servers. */
const TASKS = [
  'ECS_CLUSTER',
  'ECS_SERVICE',
  'SERVERS_MIN',
  'SERVERS_MAX',
  'SCALE_OUT_COOL_DOWN_SECONDS',
  'SCALE_IN_COOL_DOWN_SECONDS',
] as const

/** For the rebalancing of the sweep: see core/balance/plan.ts. */
const REBALANCING = [
  'REBALANCING',
  'REBALANCE_BAND_PERCENT',
  'REBALANCE_SHARE_OF_FLEET_PERCENT',
  'REBALANCE_IN_FLIGHT_PER_SERVER',
] as const

export const FUNCTIONS = {
  /** API Gateway waits 30 s for an answer. With a second less, the client gets our own answer. */
  api: { timeoutSeconds: 29, variables: [...WORLD, 'ECS_CLUSTER', 'CURSOR_SECRET'] },
  authorizer: { timeoutSeconds: 8, variables: ['TABLE_PREFIX'] },
  /** The sweep looks for 75 s, and its last look may take some seconds more. */
  sweep: {
    timeoutSeconds: 90,
    variables: [...WORLD, 'SWEEP_LOOKS_FOR_MS', 'FLEET_CONNECTS_PER_SECOND', ...TASKS, ...REBALANCING],
  },
  'task-stopped': { timeoutSeconds: 60, variables: WORLD },
  assign: { timeoutSeconds: 60, variables: WORLD },
  doorbell: { timeoutSeconds: 10, variables: ['DOORBELL_SECRET'] },
} as const satisfies Record<string, { timeoutSeconds: number; variables: readonly string[] }>

export type FunctionName = keyof typeof FUNCTIONS
export const FUNCTION_NAMES = Object.keys(FUNCTIONS) as FunctionName[]
