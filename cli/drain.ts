/** `mooring server drain`: moves all devices of a server to others, or shows how it would. */
import type { OperationAnswer } from '../lambdas/api/answers/operation.ts'
import type { DrainPlanAnswer } from '../lambdas/api/routes/drain.ts'
import type { ServerAnswer } from '../lambdas/api/routes/servers.ts'
import { tellBegun, type WaitOptions } from './operations.ts'
import { findServer } from './server-by-name.ts'
import { type Column, drawTable } from './table.ts'
import { counted, few } from './words.ts'
import { type CliWorld, tell } from './world.ts'

const WITHOUT_ROOM_SHOWN_MAX = 10

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
      () => `Cancelled. Server "${name}" is ${server.state}, with ${counted(server.load, 'device')}.`,
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
      ? `measured over ${counted(basis.movesMeasured, 'move')}`
      : 'assumed, as no move was measured'
  return [
    ...(moves.length ? [...drawTable(PLAN_COLUMNS, moves, width), ''] : []),
    `${counted(moves.length, 'device')} of server "${name}" would move in ${counted(waves, 'wave')}, ` +
      `within about ${seconds} s.`,
    `A device lacks a socket for ${basis.secondsPerMove} s (${known}), and waits for its turn to connect.`,
    'Nothing was done.',
    ...(withoutRoom.length
      ? [
          `No server has room for ${counted(withoutRoom.length, 'device')}: ` +
            `${few(withoutRoom, WITHOUT_ROOM_SHOWN_MAX).join(', ')}.`,
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
