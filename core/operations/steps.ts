/** Takes the next step of everything that was begun: see operations.ts. The sweep does so at every look, and two sweeps at
 *  once are harmless: of two that take the same step, the version lets one win. */

import { inParallel, LANES } from '../parallel.ts'
import { listServers } from '../protocol/membership.ts'
import type { OperationRow } from '../store/operation-row.ts'
import type { ServerRow } from '../store/server-row.ts'
import type { World } from '../world.ts'
import { askMoving, stepDrain } from './drain.ts'
import { listRunning, readOperation, saveOperation } from './operations.ts'
import { stepReassign } from './reassign.ts'
import { actOnRestart, stepRestart } from './restart.ts'

/** How one kind of operation goes on. */
interface Steps<Row extends OperationRow> {
  /** Reads what the row is about and says what changes in it. `servers` were read after the row.
   *  @returns undefined when nothing changes; an empty change when there is something to `act` on all the same */
  step(world: World, servers: readonly ServerRow[], row: Row): Promise<Partial<Row> | undefined>
  /** Done by the one that has saved the step. After a crash in between, the next step must ask for it again. */
  act?(world: World, saved: Row): Promise<void>
}

/** Takes one step of every operation that runs. One that fails is reported and does not keep the others from theirs. */
export async function advanceOperations(world: World): Promise<void> {
  const listed = await listRunning(world.store)
  if (listed.length === 0) return
  const rows = await inParallel(listed, LANES, ({ operationId }) => readOperation(world.store, operationId))
  // Read after the rows: an operation that was just begun has already written what it wants of its server.
  const servers = await listServers(world.store)
  await inParallel(rows, LANES, async (row) => {
    if (row?.state !== 'running') return
    const { operationId, kind } = row
    await advance(world, servers, row).catch((error: unknown) =>
      world.telemetry.emit('operation.failed', { operationId, kind, error }),
    )
  })
}

function advance(world: World, servers: readonly ServerRow[], row: OperationRow): Promise<void> {
  switch (row.kind) {
    case 'reassign':
      return follow(world, servers, row, { step: stepReassign })
    case 'drain':
      return follow(world, servers, row, { step: stepDrain, act: askMoving })
    case 'restart':
      return follow(world, servers, row, { step: stepRestart, act: actOnRestart })
  }
}

async function follow<Row extends OperationRow>(
  world: World,
  servers: readonly ServerRow[],
  row: Row,
  { step, act }: Steps<Row>,
): Promise<void> {
  const next = await step(world, servers, row)
  if (!next) return
  const saved = await saveOperation(world.store, world.clock, row, next)
  if (!saved) return
  const { operationId, kind, state, why } = saved
  if (state !== 'running') world.telemetry.emit('operation.ended', { operationId, kind, state, why })
  await act?.(world, saved)
}
