/** All settings that hosts and Lambdas share: the times of the ownership protocol, and how rebalancing
 *  evens servers out. */

/** The times of the ownership protocol. */
export interface ProtocolSettings {
  /** How often a server beats. */
  readonly beatEveryMs: number
  /** A server closes every socket when this long has passed since the send time of its last acknowledged
   *  beat. */
  readonly fenceAfterMs: number
  /** A server may be buried when its beat has not changed for this long, on an observer's own clock. */
  readonly buryAfterMs: number
}

export const DEFAULT_SETTINGS: ProtocolSettings = {
  beatEveryMs: 2000,
  fenceAfterMs: 8000,
  buryAfterMs: 11_000,
}

/** Clocks of two machines are assumed to run at rates within 1 % of each other. */
const CLOCK_RATE_ERROR = 0.01
/** The least time between the latest fence and the earliest burial, for late timers and requests in
 *  flight. */
const MARGIN_MS_MIN = 2000
/** Every DynamoDB request of a host ends within this. Requests in flight are part of the margin. */
export const HOST_REQUEST_MS_MAX = 1500

/** @returns the settings as given
 *  @throws RangeError when bury x 0.99 - fence x 1.01 leaves less than 2 s, or a beat would not fit into
 *  the fence */
export function protocolSettings(given: Partial<ProtocolSettings> = {}): ProtocolSettings {
  const settings = { ...DEFAULT_SETTINGS, ...given }
  const marginMs =
    settings.buryAfterMs * (1 - CLOCK_RATE_ERROR) - settings.fenceAfterMs * (1 + CLOCK_RATE_ERROR)
  // The condition is written so that it also refuses NaN.
  if (!(marginMs >= MARGIN_MS_MIN && marginMs < Number.POSITIVE_INFINITY)) {
    throw new RangeError(
      `LEASE_MARGIN_TOO_SMALL: fence ${settings.fenceAfterMs} ms and bury ${settings.buryAfterMs} ms leave ` +
        `${Math.round(marginMs)} ms; bury x 0.99 - fence x 1.01 must leave at least ${MARGIN_MS_MIN} ms`,
    )
  }
  if (!(settings.beatEveryMs > 0 && settings.beatEveryMs + HOST_REQUEST_MS_MAX < settings.fenceAfterMs)) {
    throw new RangeError(
      `BEAT_DOES_NOT_FIT: a beat every ${settings.beatEveryMs} ms and a request of ${HOST_REQUEST_MS_MAX} ms ` +
        `must end before the fence at ${settings.fenceAfterMs} ms`,
    )
  }
  return settings
}

/** The environment variables that set the times, as Lambdas and servers both read them. */
export interface ProtocolVariables {
  readonly BEAT_EVERY_MS?: number | undefined
  readonly FENCE_AFTER_MS?: number | undefined
  readonly BURY_AFTER_MS?: number | undefined
}

/** @throws RangeError as `protocolSettings` does */
export function settingsOf({
  BEAT_EVERY_MS,
  FENCE_AFTER_MS,
  BURY_AFTER_MS,
}: ProtocolVariables): ProtocolSettings {
  return protocolSettings({
    ...(BEAT_EVERY_MS ? { beatEveryMs: BEAT_EVERY_MS } : {}),
    ...(FENCE_AFTER_MS ? { fenceAfterMs: FENCE_AFTER_MS } : {}),
    ...(BURY_AFTER_MS ? { buryAfterMs: BURY_AFTER_MS } : {}),
  })
}

export interface RebalanceSettings {
  readonly enabled: boolean
  /** The band: the fullest server may be fuller than the emptiest by this much of the capacity. */
  readonly bandPercent: number
  /** The budget: the part of the fleet's devices that may move within ten minutes. */
  readonly shareOfFleetPercent: number
  /** The most devices under way from or to one server at the same time. */
  readonly inFlightPerServer: number
}

export const REBALANCE_DEFAULTS: RebalanceSettings = {
  enabled: true,
  bandPercent: 10,
  shareOfFleetPercent: 1,
  inFlightPerServer: 4,
}

/** Connects per second of all servers together, unless the operator has set another rate. */
export const FLEET_CONNECTS_PER_SECOND = 50
