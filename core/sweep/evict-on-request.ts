/** Gives up a server when an operator asks for it. A server that beats keeps its devices. A silent server is
 *  watched here as the sweep would watch it, so that an operator can help when no sweep runs. */

import { sleep } from '../clock.ts'
import { MooringError } from '../errors.ts'
import type { DeviceId, ServerId } from '../ids.ts'
import { assign } from '../placement/assign.ts'
import { evictFrom } from '../placement/evict-devices.ts'
import { watchBeats } from '../protocol/silence.ts'
import { asServer, isLive, type ServerRow } from '../store/server-row.ts'
import type { World } from '../world.ts'
import { buryAndTell } from './bury-and-tell.ts'

const LOOK_EVERY_MS = 500
/** The watch and the eviction after it must fit into the time of an API call. */
const WATCH_MS_MAX = 20_000

export interface Evicted {
  readonly evicted: readonly DeviceId[]
  /** How many of the evicted devices have another server already; the others wait for room. */
  readonly placed: number
}

/** Takes all devices from a server that is gone, or is found gone now, and places them.
 *  @param server as it was just read
 *  @throws MooringError SERVER_STILL_BEATING as soon as a beat is seen | SERVER_NOT_FOUND */
export async function evictOnRequest(world: World, server: ServerRow): Promise<Evicted> {
  if (isLive(server)) await buryIfSilent(world, server)
  const evicted = await evictFrom(world, server)
  const placements = await assign(world, evicted)
  return { evicted, placed: placements.filter(({ outcome }) => outcome === 'assigned').length }
}

/** The wall clock only decides whether watching is worth while. The burial needs the bury time without a beat
 *  on this observer's own clock. */
async function buryIfSilent(world: World, server: ServerRow): Promise<void> {
  const { fenceAfterMs, buryAfterMs } = world.settings
  const ageMs = world.clock.wallMs() - server.beatAt
  if (ageMs < fenceAfterMs || buryAfterMs > WATCH_MS_MAX) throw stillBeating(world, server)
  const watch = watchBeats(world.clock)
  const begun = world.clock.mark()
  let seen = server
  watch.look([seen])
  while (isLive(seen) && watch.silentForMs(seen) < buryAfterMs) {
    if (world.clock.elapsedMs(begun) > WATCH_MS_MAX) throw stillBeating(world, seen)
    await sleep(world.clock, LOOK_EVERY_MS)
    const { beat } = seen
    seen = await read(world, server.serverId)
    watch.look([seen])
    if (seen.beat !== beat) throw stillBeating(world, seen)
  }
  if (!isLive(seen)) return
  if (await buryAndTell(world, seen, { why: 'silent, and evicted by an operator' })) return
  // The burial was refused: the server has beaten in the last moment, or the sweep was first.
  const present = await read(world, server.serverId)
  if (isLive(present)) throw stillBeating(world, present)
}

/** Asks ECS to stop the server's task. The end of the task buries the server and moves its devices.
 *  @throws MooringError SERVER_HAS_NO_TASK | TASK_NOT_STOPPED */
export async function stopTaskOf(world: World, { serverId, name, taskArn }: ServerRow): Promise<void> {
  if (!taskArn) {
    throw new MooringError(
      'SERVER_HAS_NO_TASK',
      `server "${name}" runs in no task that could be stopped: end its process, or drain it`,
    )
  }
  if (await world.tasks.stopTask(taskArn, `server "${serverId}" was given up by an operator`)) return
  throw new MooringError(
    'TASK_NOT_STOPPED',
    `ECS did not take the stop of server "${name}" (task ${taskArn}); the log says why (task.stop_failed): try again`,
  )
}

async function read({ store }: World, serverId: ServerId): Promise<ServerRow> {
  const server = asServer(await store.get('Servers', { serverId }))
  if (!server) throw new MooringError('SERVER_NOT_FOUND', `there is no server "${serverId}"`)
  return server
}

function stillBeating({ clock, settings }: World, { name, beatAt }: ServerRow): MooringError {
  const ageSeconds = Math.max(0, clock.wallMs() - beatAt) / 1000
  const silentSeconds = settings.buryAfterMs / 1000
  const todo = `evict it after it has been silent for ${silentSeconds} s, or pass stopTask`
  return new MooringError(
    'SERVER_STILL_BEATING',
    `server "${name}" beat ${ageSeconds.toFixed(1)} s ago; ${todo}`,
    { ageSeconds },
  )
}
