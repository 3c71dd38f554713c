/** `mooring import undo`: takes back what an import run has brought in and no server has connected yet. A
 *  device that a server has had stays, because its ratchets have moved: only its newest credentials are
 *  good. */
import { inParallel } from '../../core/parallel.ts'
import { type Kept, undoImport, whyKept } from '../../core/requests/undo-import.ts'
import type { DeviceRow } from '../../core/store/device-row.ts'
import { scanAll, when } from '../../core/store/store.ts'
import { mustConfirm } from '../confirm.ts'
import { Interrupted, NotDone } from '../failures.ts'
import type { Fleet, FleetOptions } from '../fleet-access.ts'
import { drawTable } from '../table.ts'
import { counted } from '../words.ts'
import { type CliWorld, tell } from '../world.ts'
import { createProgress } from './progress.ts'

const device = when<DeviceRow>()
const DEVICES_MAX = 1_000_000
/** A device has some 800 items, which are deleted one after another. */
const UNDONE_AT_ONCE = 16

export interface UndoOptions extends Pick<FleetOptions, 'tablePrefix'> {
  readonly dryRun?: true
  readonly yes?: true
}

type Tables = Omit<Fleet, 'wrapping'>

interface Undone {
  readonly deviceId: string
  readonly outcome: 'undone' | 'kept' | 'left'
  readonly why?: string
}

const WHY: Readonly<Record<Kept, string>> = {
  owned: 'a server has it, so it may have connected: its ratchets have moved; stop it and export it',
  connected: 'it has connected: its ratchets have moved; stop it and export it',
  changed: 'it has changed meanwhile; run the command again',
}

export async function undoBatch(
  world: CliWorld,
  tables: Tables,
  batch: string,
  options: UndoOptions,
): Promise<void> {
  const filter = [device.equals('importBatch', batch)]
  const rows = await scanAll(tables.store, 'Devices', { filter }, DEVICES_MAX)
  if (rows.length === 0) {
    throw new NotDone(
      `No device of the fleet is left of an import named "${batch}": nothing to undo. A device that was logged ` +
        'out since is left out, too. An import prints its name, and its report has it.',
    )
  }
  const judged = rows.toSorted(byId).map((row) => undone(row, whyKept(row)))
  const wanted = judged.filter(({ outcome }) => outcome === 'undone').length
  if (options.dryRun) {
    return tell(world, { batch, dryRun: true, devices: judged }, () => draw(world, judged, 'to undo'))
  }
  if (wanted > 0 && !options.yes) {
    world.terminal.print([...draw(world, judged, 'to undo'), ''])
    const warning =
      `${counted(wanted, 'device')} to undo: their credentials here are deleted, and the old system must still ` +
      'have them.'
    await mustConfirm(world, warning, batch)
  }
  const told = await undoAll(world, tables, rows.toSorted(byId))
  tell(world, { batch, devices: told }, () => draw(world, told, 'undone'))
  if (world.stop.aborted) throw new Interrupted()
  const kept = told.filter(({ outcome }) => outcome !== 'undone').length
  if (kept > 0) throw new NotDone(`${counted(kept, 'device')} of "${batch}" stay.`)
}

async function undoAll(world: CliWorld, tables: Tables, rows: readonly DeviceRow[]): Promise<Undone[]> {
  const progress = createProgress(world)
  let done = 0
  try {
    return await inParallel(rows, UNDONE_AT_ONCE, async (row) => {
      if (world.stop.aborted) return { deviceId: row.deviceId, outcome: 'left', why: 'interrupted' }
      const kept = await undoImport(tables.store, world.clock, row, tables.random.id())
      done += 1
      progress.show(done, rows.length, 'done')
      return undone(row, kept)
    })
  } finally {
    progress.end()
  }
}

function undone({ deviceId }: DeviceRow, kept: Kept | undefined): Undone {
  return kept ? { deviceId, outcome: 'kept', why: WHY[kept] } : { deviceId, outcome: 'undone' }
}

function draw({ terminal }: CliWorld, devices: readonly Undone[], word: string): string[] {
  const stay = devices.filter(({ outcome }) => outcome !== 'undone')
  const columns = [
    { title: 'DEVICE', of: (one: Undone) => one.deviceId },
    { title: 'WHAT', of: () => 'stays' },
    { title: 'WHY', of: (one: Undone) => one.why },
  ]
  const rest = stay.length > 0 ? `, ${stay.length} stay` : ''
  return [
    ...(stay.length > 0 ? [...drawTable(columns, stay, terminal.columns()), ''] : []),
    `${counted(devices.length, 'device')}: ${devices.length - stay.length} ${word}${rest}`,
  ]
}

function byId(one: DeviceRow, other: DeviceRow): number {
  return one.deviceId.localeCompare(other.deviceId, 'en', { numeric: true })
}
