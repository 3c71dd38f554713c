/** The one table of routes: the router serves it, the OpenAPI document describes it. */

import { WISH_ROUTES } from './device-wishes.ts'
import { DEVICE_ROUTES } from './devices.ts'
import { DRAIN_ROUTES } from './draining.ts'
import { EVICT_ROUTES } from './evicting.ts'
import { FLEET_ROUTES } from './fleet.ts'
import { RESTART_ROUTES } from './fleet-restart.ts'
import { OPERATION_ROUTES } from './operations.ts'
import { PAIRING_ROUTES } from './pairing.ts'
import { publicRoutes } from './public.ts'
import { REASSIGN_ROUTES } from './reassign.ts'
import { REBALANCING_ROUTES } from './rebalancing.ts'
import type { Route } from './route.ts'
import { SERVER_ROUTES } from './servers.ts'

export const ROUTES: readonly Route[] = [
  ...DEVICE_ROUTES,
  ...WISH_ROUTES,
  ...REASSIGN_ROUTES,
  ...PAIRING_ROUTES,
  ...SERVER_ROUTES,
  ...DRAIN_ROUTES,
  ...EVICT_ROUTES,
  ...FLEET_ROUTES,
  ...RESTART_ROUTES,
  ...REBALANCING_ROUTES,
  ...OPERATION_ROUTES,
  ...publicRoutes(() => ROUTES),
]
