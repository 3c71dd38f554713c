/** Tells a server that something waits for it. */
import type { ServerId } from '../ids.ts'
import { raiseAssignmentSeq } from '../protocol/membership.ts'
import type { World } from '../world.ts'

/** Tells an owner that a device's row holds something to notice, after that was written. */
export async function notify(world: Pick<World, 'store' | 'doorbell'>, owner: ServerId): Promise<void> {
  const server = await raiseAssignmentSeq(world.store, owner)
  if (server) await world.doorbell.ring([server])
}
