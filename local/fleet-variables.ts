/** The environment variables by which a local fleet passes its options on to its processes. Pure. */
import type { ProtocolSettings, RebalanceSettings } from '../core/settings.ts'
import { LOCAL_CLUSTER, LOCAL_SERVICE } from './ecs-endpoint.ts'
import type { FleetOptions, ServerOverrides } from './fleet-options.ts'

/** See lambdas/environment.ts. */
export function controlPlaneVariables(options: FleetOptions, ecsEndpoint: string): Record<string, string> {
  const { servers, maxServers, scaleCoolDownSeconds: coolDown } = options
  return {
    ...settingVariables(options.settings ?? {}),
    AWS_ENDPOINT_URL_ECS: ecsEndpoint,
    ECS_CLUSTER: LOCAL_CLUSTER,
    FLEET_CONNECTS_PER_SECOND: String(options.fleetConnectsPerSecond ?? 100),
    ...rebalanceVariables(options.rebalancing ?? {}),
    ...(maxServers === undefined
      ? {}
      : { ECS_SERVICE: LOCAL_SERVICE, SERVERS_MIN: String(servers), SERVERS_MAX: String(maxServers) }),
    ...(coolDown
      ? {
          SCALE_OUT_COOL_DOWN_SECONDS: String(coolDown.out),
          SCALE_IN_COOL_DOWN_SECONDS: String(coolDown.in),
        }
      : {}),
  }
}

/** See hosts/environment.ts. A later variable replaces an earlier one of the same name. */
export function serverVariables(
  options: FleetOptions,
  overrides: ServerOverrides,
): Record<string, string | undefined> {
  return {
    ...settingVariables(options.settings ?? {}),
    ...messagesVariables(options.messages),
    ...(options.whatsAppVersion ? { WHATSAPP_VERSION: options.whatsAppVersion } : {}),
    ...options.serverVariables,
    ...overrides.variables,
  }
}

function messagesVariables(messages: FleetOptions['messages']): Record<string, string> {
  if (!messages) return {}
  return { MESSAGES_SECRET: messages.secret, ...(messages.url ? { MESSAGES_URL: messages.url } : {}) }
}

function settingVariables(settings: Partial<ProtocolSettings>): Record<string, string> {
  const { beatEveryMs, fenceAfterMs, buryAfterMs } = settings
  return {
    ...(beatEveryMs ? { BEAT_EVERY_MS: String(beatEveryMs) } : {}),
    ...(fenceAfterMs ? { FENCE_AFTER_MS: String(fenceAfterMs) } : {}),
    ...(buryAfterMs ? { BURY_AFTER_MS: String(buryAfterMs) } : {}),
  }
}

function rebalanceVariables(settings: Partial<RebalanceSettings>): Record<string, string> {
  const { enabled, bandPercent, shareOfFleetPercent, inFlightPerServer } = settings
  return {
    ...(enabled === undefined ? {} : { REBALANCING: enabled ? 'on' : 'off' }),
    ...(bandPercent ? { REBALANCE_BAND_PERCENT: String(bandPercent) } : {}),
    ...(shareOfFleetPercent ? { REBALANCE_SHARE_OF_FLEET_PERCENT: String(shareOfFleetPercent) } : {}),
    ...(inFlightPerServer ? { REBALANCE_IN_FLIGHT_PER_SERVER: String(inFlightPerServer) } : {}),
  }
}
