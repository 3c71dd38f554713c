/** An operation as the API shows it: its present state, also when no sweep has
 *  looked since the last change. */
import * as z from 'zod'
import type { ServerId } from '../../../core/ids.ts'
import { judgeReassign } from '../../../core/operations/reassign.ts'
import { stepWords } from '../../../core/operations/restart-words.ts'
import {
  type Drain,
  OPERATION_STATES,
  type OperationRow,
  type Reassign,
  type RestartStep,
} from '../../../core/store/operation-row.ts'
import { asServer, isLive, type ServerRow } from '../../../core/store/server-row.ts'
import type { LambdaWorld } from '../../world.ts'
import { named } from '../route.ts'
import { isoTime, Time } from '../schemas.ts'

export const OperationAnswer = named(
  'Operation',
  z.object({
    operationId: z.string(),
    kind: z.enum(['reassign', 'drain', 'restart']),
    state: z.enum(OPERATION_STATES),
    why: z.string().describe('the present state, in words'),
    askedBy: z.string().describe('the id of an API key, or `sweep`'),
    startedAt: Time,
    endedAt: Time.optional(),
    deviceId: z.string().optional().describe('of a reassign'),
    from: z
      .string()
      .optional()
      .describe('of a reassign: the `serverId` of the owner at the time of the request'),
    to: z.string().optional().describe('the `serverId` that was asked for, or `any`'),
    serverId: z.string().optional().describe('of a drain'),
    serverName: z.string().optional(),
    thenLeave: z.boolean().optional().describe('whether the server leaves the fleet when it is empty'),
    atOnce: z.int().optional().describe('the most devices that move at the same time'),
    progress: z
      .object({
        devicesAtStart: z.int(),
        moved: z.int().describe('devices that were asked to move and have left'),
        underWay: z
          .int()
          .describe('devices that were asked to move and are not settled on another server yet'),
        left: z.int().describe('devices that are still on the server'),
      })
      .optional()
      .describe('of a drain'),
    steps: z
      .array(
        z.object({
          serverId: z.string(),
          name: z.string(),
          phase: z.enum(['waiting', 'draining', 'stopping', 'done']),
          says: z.string().describe('the present state of the server, in words'),
          since: Time.optional().describe('the time when the phase began'),
          replacedBy: z.string().optional(),
          replacedByName: z.string().optional(),
        }),
      )
      .optional()
      .describe('of a restart: one step for each server'),
  }),
)
export type OperationAnswer = z.output<typeof OperationAnswer>

export async function describeOperation(world: LambdaWorld, row: OperationRow): Promise<OperationAnswer> {
  switch (row.kind) {
    case 'reassign':
      return describeReassign(world, row)
    case 'drain':
      return describeDrain(row, asServer(await world.store.get('Servers', { serverId: row.serverId })))
    case 'restart':
      return { ...common(row), steps: row.steps.map(describeStep) }
  }
}

/** @param server the row of the drained server, if it is still stored */
export function describeDrain(row: Drain, server: ServerRow | undefined): OperationAnswer {
  const { serverId, serverName, to, thenLeave, atOnce, devicesAtStart, moved, moving } = row
  const left = server && isLive(server) ? server.load : 0
  return {
    ...common(row),
    to: to ?? 'any',
    serverId,
    serverName,
    thenLeave,
    atOnce,
    progress: { devicesAtStart, moved, underWay: moving.length, left },
  }
}

function describeStep(step: RestartStep): NonNullable<OperationAnswer['steps']>[number] {
  const { serverId, name, phase, since, replacedBy, replacedByName } = step
  return {
    serverId,
    name,
    phase,
    says: stepWords(step),
    ...(since === undefined ? {} : { since: isoTime(since) }),
    ...(replacedBy === undefined ? {} : { replacedBy }),
    ...(replacedByName === undefined ? {} : { replacedByName }),
  }
}

async function describeReassign(world: LambdaWorld, row: Reassign): Promise<OperationAnswer> {
  const { deviceId, from, to } = row
  const device = await world.store.get('Devices', { deviceId })
  const ids = [from, to, device?.owner, device?.moveTo].filter(
    (id): id is ServerId => id !== undefined && id !== 'any',
  )
  const items = await world.store.getMany(
    'Servers',
    [...new Set(ids)].map((serverId) => ({ serverId })),
  )
  const servers = items.flatMap((item) => asServer(item) ?? [])
  const verdict = judgeReassign(row, device, servers, world.clock.wallMs())
  return { ...common(row), ...verdict, deviceId, ...(from ? { from } : {}), to }
}

function common({ operationId, kind, state, why, askedBy, startedAt, endedAt }: OperationRow) {
  return {
    operationId,
    kind,
    state,
    why,
    askedBy,
    startedAt: isoTime(startedAt),
    ...(endedAt === undefined ? {} : { endedAt: isoTime(endedAt) }),
  }
}
