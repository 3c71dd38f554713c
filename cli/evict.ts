/** `mooring server evict`: takes the devices from a server that is gone, or stops the task of a living
 *  one. */
import type { EvictedServer } from '../lambdas/api/routes/evict.ts'
import type { ServerAnswer } from '../lambdas/api/routes/servers.ts'
import { mustConfirm } from './confirm.ts'
import { findServer } from './server-by-name.ts'
import { counted } from './words.ts'
import { type CliWorld, tell } from './world.ts'

export interface EvictOptions {
  readonly stopTask?: true
  readonly yes?: true
}

export async function evictServer(
  world: CliWorld,
  nameOrId: string,
  { stopTask, yes }: EvictOptions,
): Promise<void> {
  const { serverId, name } = await findServer(world.api, nameOrId)
  const warning = stopTask
    ? `This stops the task of server "${name}"; its devices move when the task has ended.`
    : `This takes all devices from server "${name}" and gives them to other servers.`
  if (!yes) await mustConfirm(world, warning, name)
  const wanted = stopTask ? { stopTask: true } : {}
  const answer = await world.api.post<EvictedServer | ServerAnswer>(`/servers/${serverId}/evict`, wanted)
  tell(world, answer, () =>
    'evicted' in answer
      ? `${counted(answer.evicted, 'device')} taken from server "${name}"; ` +
        `${answer.placed} have another server already.`
      : `Requested. The task of server "${name}" stops; its devices move when it has ended.`,
  )
}
