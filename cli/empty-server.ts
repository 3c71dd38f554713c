/** `mooring server drain` and `mooring server evict`: what empties a server, alive or gone. */

import type { OperationAnswer } from '../lambdas/api/answers/operation.ts'
import type { DrainPlanAnswer } from '../lambdas/api/routes/drain.ts'
import type { EvictedServer } from '../lambdas/api/routes/evict.ts'
import type { ServerAnswer } from '../lambdas/api/routes/servers.ts'
import { mustConfirm } from './confirm.ts'
import { tellBegun, type WaitOptions } from './operations.ts'
import { findServer } from './server-by-name.ts'
import { type Column, drawTable } from './table.ts'
import { counted } from './words.ts'
import { type CliWorld, tell } from './world.ts'

export interface DrainOptions extends WaitOptions {
  readonly dryRun?: true
  readonly cancel?: true
  readonly atOnce?: number
  readonly to?: string
  readonly stay?: true
  readonly partly?: true
}

export async function drainServer(world: CliWorld, nameOrId: string, options: DrainOptions): Promise<void> {
  const { api } = world
  const { serverId, name } = await findServer(api, nameOrId)
  const path = `/servers/${serverId}/drain`
  if (options.cancel) {
    const server = await api.delete<ServerAnswer>(path)
    return tell(
      world,
      server,
      () => `Called off. ${name} is ${server.state}, with ${counted(server.load, 'device')}.`,
    )
  }
  const { atOnce, stay, partly, to } = options
  const wanted = {
    ...(atOnce === undefined ? {} : { atOnce }),
    ...(stay ? { thenLeave: false } : {}),
    ...(partly ? { partly: true } : {}),
    ...(to === undefined ? {} : { to: (await findServer(api, to)).serverId }),
  }
  if (options.dryRun) {
    const plan = await api.post<DrainPlanAnswer>(path, wanted, { dryRun: 'true' })
    return tell(world, plan, () => drawPlan(plan, name, world.terminal.columns()))
  }
  const operation = await api.post<OperationAnswer>(path, wanted)
  return tellBegun(world, operation, operation, options)
}

function drawPlan(plan: DrainPlanAnswer, name: string, width: number): string[] {
  const { moves, withoutRoom, waves, seconds, basis } = plan
  const known =
    basis.from === 'measured'
      ? `measured of ${counted(basis.movesMeasured, 'move')}`
      : 'assumed, as none was measured'
  return [
    ...(moves.length ? [...drawTable(PLAN_COLUMNS, moves, width), ''] : []),
    `${counted(moves.length, 'device')} of ${name} would move in ${counted(waves, 'wave')}, within about ${seconds} s`,
    `A move takes ${basis.secondsPerMove} s without a socket (${known}), and its turn to connect. Nothing was done.`,
    ...(withoutRoom.length
      ? [
          `No server has room for ${counted(withoutRoom.length, 'device')}: ${withoutRoom.slice(0, 10).join(', ')}`,
        ]
      : []),
  ]
}

const PLAN_COLUMNS: Column<DrainPlanAnswer['moves'][number]>[] = [
  { title: 'DEVICE', of: ({ deviceId }) => deviceId },
  { title: 'WAVE', of: ({ wave }) => wave, right: true },
  { title: 'TO', of: ({ to }) => to.name },
  { title: 'WITHOUT SOCKET', of: ({ secondsWithoutSocket }) => `${secondsWithoutSocket} s`, right: true },
]

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
    ? `This stops the task of server "${name}"; its devices move when it has ended.`
    : `This gives server "${name}" up: its devices go to others.`
  if (!yes) await mustConfirm(world, warning, name)
  const wanted = stopTask ? { stopTask: true } : {}
  const answer = await world.api.post<EvictedServer | ServerAnswer>(`/servers/${serverId}/evict`, wanted)
  tell(world, answer, () =>
    'evicted' in answer
      ? `${counted(answer.evicted, 'device')} taken from ${name}; ${answer.placed} have another server already.`
      : `Asked. The task of ${name} stops; its devices move when it has ended.`,
  )
}
