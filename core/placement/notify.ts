/** Tells a server to look at its devices. */
import type { ServerId } from '../ids.ts'
import { raiseAssignmentSeq } from '../protocol/membership.ts'
import type { World } from '../world.ts'

/** Call this after a device's row was written. The raised `assignmentSeq` tells the owner to look, and the
 *  doorbell makes it look now. */
export async function notify(world: Pick<World, 'store' | 'doorbell'>, owner: ServerId): Promise<void> {
  const server = await raiseAssignmentSeq(world.store, owner)
  if (server) await world.doorbell.ring([server])
}
