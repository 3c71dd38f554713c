/** Writes a device as JSON lines, a line for each key, as the tables of several auth stores hold it. */
import { open } from 'node:fs/promises'
import { serialise } from '../../hosts/auth-state/serialise.ts'
import type { WholeState } from '../../hosts/auth-state/whole-state.ts'
import { Interrupted } from '../failures.ts'

const FILE_MODE = 0o600

/** @returns how many rows were written; the first one holds the creds */
export async function writeRows(
  file: string,
  session: string,
  state: WholeState,
  stop: AbortSignal,
): Promise<number> {
  const handle = await open(file, 'wx', FILE_MODE)
  let rows = 0
  try {
    for (const [key, value] of keysOf(state)) {
      if (stop.aborted) throw new Interrupted()
      await handle.write(`${JSON.stringify({ session, key, value: serialise(value) })}\n`)
      rows += 1
    }
    await handle.sync()
  } finally {
    await handle.close()
  }
  return rows
}

/** The key of a row is `creds`, or the type and the id of a Signal key, as they are. */
function* keysOf({ creds, keys }: WholeState): Generator<[key: string, value: unknown]> {
  yield ['creds', creds]
  for (const [type, byId] of Object.entries(keys)) {
    for (const [id, value] of Object.entries(byId)) yield [`${type}-${id}`, value]
  }
}
