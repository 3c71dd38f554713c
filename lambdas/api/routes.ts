/** The one table of routes: the router serves it, and the OpenAPI document describes it. */
import type { Route } from './route.ts'
import { DEVICE_REQUEST_ROUTES } from './routes/device-requests.ts'
import { DEVICE_ROUTES } from './routes/devices.ts'
import { DRAIN_ROUTES } from './routes/drain.ts'
import { EVICT_ROUTES } from './routes/evict.ts'
import { FLEET_ROUTES } from './routes/fleet.ts'
import { FLEET_RESTART_ROUTES } from './routes/fleet-restart.ts'
import { OPERATION_ROUTES } from './routes/operations.ts'
import { PAIRING_ROUTES } from './routes/pairing.ts'
import { publicRoutes } from './routes/public.ts'
import { REASSIGN_ROUTES } from './routes/reassign.ts'
import { REBALANCING_ROUTES } from './routes/rebalancing.ts'
import { SERVER_ROUTES } from './routes/servers.ts'

export const ROUTES: readonly Route[] = [
  ...DEVICE_ROUTES,
  ...DEVICE_REQUEST_ROUTES,
  ...REASSIGN_ROUTES,
  ...PAIRING_ROUTES,
  ...SERVER_ROUTES,
  ...DRAIN_ROUTES,
  ...EVICT_ROUTES,
  ...FLEET_ROUTES,
  ...FLEET_RESTART_ROUTES,
  ...REBALANCING_ROUTES,
  ...OPERATION_ROUTES,
  ...publicRoutes(() => ROUTES),
]
