/** The one table of routes: the router serves it, the OpenAPI document describes it. */

import { WISH_ROUTES } from './device-wishes.ts'
import { DEVICE_ROUTES } from './devices.ts'
import { FLEET_ROUTES } from './fleet.ts'
import { PAIRING_ROUTES } from './pairing.ts'
import { publicRoutes } from './public.ts'
import type { Route } from './route.ts'
import { SERVER_ROUTES } from './servers.ts'

export const ROUTES: readonly Route[] = [
  ...DEVICE_ROUTES,
  ...WISH_ROUTES,
  ...PAIRING_ROUTES,
  ...SERVER_ROUTES,
  ...FLEET_ROUTES,
  ...publicRoutes(() => ROUTES),
]
