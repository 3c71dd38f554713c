/** Records each request with the key that made it, in the device's history and in the log. */
import type { DeviceRow } from '../../core/store/device-row.ts'
import { recordHistory } from '../../core/telemetry/history.ts'
import type { CallerContext } from '../authorizer.ts'
import type { LambdaWorld } from '../world.ts'

export async function recordRequest(
  world: LambdaWorld,
  { deviceId, owner }: Pick<DeviceRow, 'deviceId' | 'owner'>,
  what: string,
  { keyId }: CallerContext,
): Promise<void> {
  world.telemetry.emit('device.requested', {
    deviceId,
    why: what,
    keyId,
    ...(owner ? { serverId: owner } : {}),
  })
  await recordHistory(world, {
    deviceId,
    event: 'requested',
    why: `${what}, with key ${keyId}`,
    ...(owner ? { server: owner } : {}),
  })
}
