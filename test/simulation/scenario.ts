/** The scenario of a run, which fast-check draws from a seed. Its parts are the numbers of servers and
 *  devices, the rates of faults, and the lists of faults and operators' requests. Each part is a list or a
 *  number that shrinks towards nothing. */
import fc from 'fast-check'

/** Faults strike until this time. Afterwards everything must come right. */
export const ROUGH_MS = 90_000

/** How often a request or a call is struck, in thousandths. */
export interface Rates {
  readonly requestLost: number
  readonly answerLost: number
  readonly requestDelayed: number
  readonly answerDelayed: number
  readonly throttled: number
  readonly frozenAtRequest: number
  readonly indexSlow: number
  readonly doorbellLost: number
  readonly invocationLost: number
  readonly invocationTwice: number
  readonly invocationLate: number
  readonly lambdaKilled: number
}

/** Requests that a trap can wait for. */
export const TRAPPED = [
  'beat',
  'permit',
  'claim',
  'reserve',
  'release',
  'report',
  'bury',
  'evict',
  'hold',
  'activate',
  'drain',
  'leave',
  'fence-read',
  'auth-write',
  'list-servers',
  'login',
] as const
export type Trapped = (typeof TRAPPED)[number]

export type Fault =
  | { readonly kind: 'crash'; readonly atMs: number; readonly server: number; readonly machine: boolean }
  | ({ readonly kind: 'freeze'; readonly atMs: number; readonly server: number } & FreezePlan)
  | { readonly kind: 'freeze-sweeps'; readonly atMs: number; readonly forMs: number }
  | {
      readonly kind: 'cut-off'
      readonly atMs: number
      readonly server: number
      readonly forMs: number
      readonly way: 'requests' | 'answers' | 'everything'
    }
  | { readonly kind: 'store-down'; readonly atMs: number; readonly forMs: number }
  | { readonly kind: 'no-sweeps'; readonly atMs: number; readonly forMs: number }
  | {
      readonly kind: 'whatsapp-closes'
      readonly atMs: number
      readonly device: number
      readonly code: number
    }
  | { readonly kind: 'foreign-login'; readonly atMs: number; readonly device: number }
  /** WhatsApp sends the device a stanza on which it fails, in work whose errors nobody catches. */
  | { readonly kind: 'damaged-stanza'; readonly atMs: number; readonly device: number }
  /** From now on the device ends each server at which it logs in, by an error that belongs to no device. */
  | { readonly kind: 'poison'; readonly atMs: number; readonly device: number }
  | { readonly kind: 'clock-set'; readonly atMs: number; readonly server: number; readonly byMs: number }
  | {
      readonly kind: 'task-replaced'
      readonly atMs: number
      readonly server: number
      readonly overlapMs: number
    }
  /** A server falls silent for about the bury time, and burials are late: it comes back while it is being
   *  buried. */
  | {
      readonly kind: 'near-burial'
      readonly atMs: number
      readonly server: number
      readonly forMs: number
      readonly lateMs: number
    }
  /** The nth request of this kind from then on is struck, from any process. */
  | ({
      readonly kind: 'trap'
      readonly atMs: number
      readonly at: Trapped
      readonly nth: number
      readonly hits: TrapHit
    } & FreezePlan)

export type TrapHit =
  | 'lost'
  | 'answer-lost'
  | 'delayed'
  | 'frozen-before'
  | 'frozen-after'
  | 'killed-before'
  | 'killed-after'

export interface FreezePlan {
  readonly forMs: number
  readonly how: 'stopped' | 'machine' | 'suspended'
}

export interface OperatorRequest {
  readonly atMs: number
  readonly what:
    | 'start'
    | 'stop'
    | 'restart'
    | 'move'
    | 'move-to'
    | 'delete'
    | 'logout'
    | 'pair'
    | 'register'
    | 'assign'
    | 'drain'
    | 'drain-then-leave'
    | 'call-off'
  readonly device: number
  readonly server: number
}

export interface Scenario {
  readonly seed: number
  readonly servers: number
  readonly devices: number
  /** Room on all servers beyond one place for each device. */
  readonly spare: number
  readonly rates: Rates
  readonly faults: readonly Fault[]
  readonly operatorRequests: readonly OperatorRequest[]
}

const upTo = (max: number) => fc.integer({ min: 0, max })
const atMs = upTo(ROUGH_MS)
const server = upTo(3)
const device = upTo(4)

/** Freezes of every length: shorter than a beat, around the fence and the bury time, and far beyond. */
const freezePlan = fc.record({
  forMs: fc.oneof(
    upTo(3000),
    fc.integer({ min: 5000, max: 14_000 }),
    fc.integer({ min: 14_000, max: 40_000 }),
  ),
  how: fc.constantFrom('stopped' as const, 'machine' as const, 'suspended' as const),
})

const outageMs = fc.oneof(fc.integer({ min: 500, max: 8000 }), fc.integer({ min: 8000, max: 35_000 }))

const timedFreeze = fc
  .tuple(fc.record({ kind: fc.constant('freeze' as const), atMs, server }), freezePlan)
  .map(([at, plan]) => ({ ...at, ...plan }))

const trap = fc
  .tuple(
    fc.record({
      kind: fc.constant('trap' as const),
      atMs,
      at: fc.constantFrom(...TRAPPED),
      nth: fc.integer({ min: 1, max: 4 }),
      hits: fc.constantFrom<TrapHit[]>(
        'lost',
        'answer-lost',
        'delayed',
        'frozen-before',
        'frozen-after',
        'killed-before',
        'killed-after',
      ),
    }),
    freezePlan,
  )
  .map(([what, plan]) => ({ ...what, ...plan }))

/** A write of the auth state leaves its frozen machine long after another server has taken over. */
const lateWrite = fc.record({
  kind: fc.constant('trap' as const),
  atMs,
  at: fc.constant('auth-write' as const),
  nth: fc.integer({ min: 1, max: 4 }),
  hits: fc.constant('frozen-before' as const),
  forMs: fc.integer({ min: 13_000, max: 30_000 }),
  how: fc.constant('machine' as const),
})

const fault: fc.Arbitrary<Fault> = fc.oneof(
  fc.record({ kind: fc.constant('crash' as const), atMs, server, machine: fc.boolean() }),
  { weight: 3, arbitrary: timedFreeze },
  fc.record({
    kind: fc.constant('freeze-sweeps' as const),
    atMs,
    forMs: fc.integer({ min: 500, max: 20_000 }),
  }),
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('cut-off' as const),
      atMs,
      server,
      forMs: outageMs,
      way: fc.constantFrom('requests' as const, 'answers' as const, 'everything' as const),
    }),
  },
  fc.record({ kind: fc.constant('store-down' as const), atMs, forMs: outageMs }),
  fc.record({ kind: fc.constant('no-sweeps' as const), atMs, forMs: outageMs }),
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('whatsapp-closes' as const),
      atMs,
      device,
      code: fc.constantFrom(401, 403, 408, 411, 428, 440, 500, 503, 515),
    }),
  },
  fc.record({ kind: fc.constant('foreign-login' as const), atMs, device }),
  fc.record({ kind: fc.constant('damaged-stanza' as const), atMs, device }),
  fc.record({ kind: fc.constant('poison' as const), atMs, device }),
  fc.record({
    kind: fc.constant('clock-set' as const),
    atMs,
    server,
    byMs: fc.integer({ min: -3_600_000, max: 3_600_000 }),
  }),
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('task-replaced' as const),
      atMs,
      server,
      overlapMs: upTo(5000),
    }),
  },
  fc.record({
    kind: fc.constant('near-burial' as const),
    atMs,
    server,
    forMs: fc.integer({ min: 10_500, max: 14_500 }),
    lateMs: fc.integer({ min: 500, max: 4000 }),
  }),
  lateWrite,
  { weight: 5, arbitrary: trap },
)

const request: fc.Arbitrary<OperatorRequest> = fc.record({
  atMs,
  what: fc.constantFrom<OperatorRequest['what'][]>(
    'start',
    'stop',
    'restart',
    'move',
    'move-to',
    'delete',
    'logout',
    'pair',
    'register',
    'assign',
    'drain',
    'drain-then-leave',
    'call-off',
  ),
  device,
  server,
})

const rates: fc.Arbitrary<Rates> = fc.record({
  requestLost: upTo(15),
  answerLost: upTo(15),
  requestDelayed: upTo(15),
  answerDelayed: upTo(15),
  throttled: upTo(30),
  frozenAtRequest: upTo(2),
  indexSlow: upTo(300),
  doorbellLost: upTo(500),
  invocationLost: upTo(200),
  invocationTwice: upTo(200),
  invocationLate: upTo(300),
  lambdaKilled: upTo(200),
})

/** @param seed draws the latencies and the order of events. It does not shrink */
export function scenarios(seed: number): fc.Arbitrary<Scenario> {
  // Without bias: a run of many seeds draws each scenario alone, and fast-check's bias prefers tiny ones.
  return fc.noBias(
    fc.record({
      seed: fc.constant(seed),
      servers: fc.integer({ min: 2, max: 4 }),
      devices: fc.integer({ min: 1, max: 5 }),
      spare: upTo(3),
      rates,
      faults: fc.array(fault, { maxLength: 12 }),
      operatorRequests: fc.array(request, { maxLength: 6 }),
    }),
  )
}
