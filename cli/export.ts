/** `mooring export`: writes a stopped device to a multi-file auth folder, with which Baileys can continue, or
 *  to a file of rows. */
import { basename, join } from 'node:path'
import { MooringError } from '../core/errors.ts'
import { deviceId } from '../core/ids.ts'
import { readDevice } from '../core/protocol/ownership.ts'
import type { DeviceRow } from '../core/store/device-row.ts'
import { readWholeState, type WholeState } from '../hosts/auth-state/whole-state.ts'
import { mustConfirm } from './confirm.ts'
import { clearLeftovers } from './export/leftovers.ts'
import { writeRows } from './export/rows.ts'
import { type Kind, mustBeFree, placeWhole } from './export/whole-or-absent.ts'
import { NotDone, WrongUsage } from './failures.ts'
import { type Fleet, type FleetOptions, withFleet } from './fleet-access.ts'
import { mustHaveOwnFiles, writeMultiFile } from './multi-file/write.ts'
import { counted } from './words.ts'
import { type CliWorld, tell } from './world.ts'

export interface ExportOptions extends FleetOptions {
  /** A file of rows instead of a folder. */
  readonly rows?: string
  readonly yes?: true
}

const warning = (kind: Kind) =>
  `The ${kind} will be a second copy of the device. Run only one of the two: two live copies conflict. Never ` +
  `return to a ${kind} after its device has sent or received elsewhere: its ratchets are then old, and ` +
  'sessions break.'

export function exportDevice(
  world: CliWorld,
  id: string,
  folder: string | undefined,
  options: ExportOptions,
): Promise<void> {
  const { kind, target } = targetOf(folder, options.rows)
  return withFleet(options, async (fleet) => {
    const row = await readStoppedDevice(fleet, id)
    await mustBeFree(target, kind)
    if (!options.yes) await mustConfirm(world, warning(kind), id)
    const place = { device: row.deviceId, credentialsId: row.credentialsId }
    const state = await readWholeState(fleet, place)
    const after = await readStoppedDevice(fleet, id)
    if (after.epoch !== row.epoch || after.credentialsId !== row.credentialsId) {
      throw new NotDone(`Device "${id}" was started meanwhile; nothing was written. Stop it and try again.`)
    }
    const leftovers = await clearLeftovers(target)
    const count = await write(world, id, state, kind, target)
    const { untaken } = state
    const written = kind === 'folder' ? { folder, files: count } : { file: target, rows: count }
    tell(world, { deviceId: id, ...written, untaken, leftovers }, () => [
      `Device "${id}" is in ${target}: ${counted(count, kind === 'folder' ? 'file' : 'row')}, ` +
        'readable by you alone.',
      ...(untaken > 0
        ? [`Left in Mooring's inbox: ${counted(untaken, 'message')} that no application has taken yet.`]
        : []),
      ...leftovers,
      ...(options.yes ? [warning(kind)] : []),
    ])
  })
}

/** @throws WrongUsage unless there is exactly one of the two */
function targetOf(folder: string | undefined, rows: string | undefined): { kind: Kind; target: string } {
  if (folder !== undefined && rows === undefined) return { kind: 'folder', target: folder }
  if (folder === undefined && rows !== undefined) return { kind: 'file', target: rows }
  throw new WrongUsage('Name either a folder, or a file of rows: --rows FILE.jsonl')
}

/** @returns how many files or rows were written */
async function write(
  { stop }: CliWorld,
  id: string,
  state: WholeState,
  kind: Kind,
  target: string,
): Promise<number> {
  let count = 0
  if (kind === 'folder') mustHaveOwnFiles(state.keys)
  await placeWhole(target, kind, stop, async (temporary) => {
    const name = basename(target)
    count =
      kind === 'folder'
        ? await writeMultiFile(temporary, state, stop)
        : await writeRows(join(temporary, name), id, state, stop)
    return name
  })
  return count
}

/** @throws MooringError DEVICE_NOT_FOUND | DEVICE_NOT_STOPPED | DEVICE_BEING_IMPORTED; NotDone without
 *  credentials */
async function readStoppedDevice({ store }: Fleet, id: string): Promise<DeviceRow> {
  const row = await readDevice(store, deviceId(id))
  if (row.importing) {
    throw new MooringError('DEVICE_BEING_IMPORTED', `device "${id}" has only a part of its credentials`)
  }
  if (row.owner || row.desired !== 'stopped') {
    const how = row.desired === 'stopped' ? 'its server is about to release it: try again' : 'stop it first'
    throw new MooringError('DEVICE_NOT_STOPPED', `device "${id}" is not stopped; ${how}`)
  }
  if (!row.pairedAt) throw new NotDone(`Device "${id}" is not linked: there is nothing to export.`)
  return row
}
