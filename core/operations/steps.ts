/** Takes the next step of every operation that runs. The sweep does so at each look. Two sweeps at once are
 *  harmless: when both take the same step, the version in the row lets only one of them write it. */

import { inParallel, LANES } from '../parallel.ts'
import { listServers } from '../protocol/membership.ts'
import type { OperationRow } from '../store/operation-row.ts'
import type { ServerRow } from '../store/server-row.ts'
import type { World } from '../world.ts'
import { askMoving, stepDrain } from './drain.ts'
import { listRunning, readOperation, saveOperation } from './operations.ts'
import { stepReassign } from './reassign.ts'
import { actOnRestart, stepRestart } from './restart.ts'

/** The steps of one kind of operation. */
interface Steps<Row extends OperationRow> {
  /** Reads the subject of the row and decides what changes in the row.
   *  @param servers read after the row
   *  @returns undefined when nothing changes; an empty change when nothing changes but `act` has something to
   *  do */
  step(world: World, servers: readonly ServerRow[], row: Row): Promise<Partial<Row> | undefined>
  /** Done by the sweep that saved the step. After a crash in between, the next step must ask for it again. */
  act?(world: World, saved: Row): Promise<void>
}

/** An operation whose step fails is reported, and the others take their steps anyway. */
export async function advanceOperations(world: World): Promise<void> {
  const listed = await listRunning(world.store)
  if (listed.length === 0) return
  const rows = await inParallel(listed, LANES, ({ operationId }) => readOperation(world.store, operationId))
  // Read after the rows: an operation that has just begun has already written its server's row.
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
      return takeStep(world, servers, row, { step: stepReassign })
    case 'drain':
      return takeStep(world, servers, row, { step: stepDrain, act: askMoving })
    case 'restart':
      return takeStep(world, servers, row, { step: stepRestart, act: actOnRestart })
  }
}

async function takeStep<Row extends OperationRow>(
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
