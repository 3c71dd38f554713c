/** `mooring export`: writes a stopped device to a multi-file auth folder, with which Baileys can continue. */
import { MooringError } from '../core/errors.ts'
import { deviceId } from '../core/ids.ts'
import { readDevice } from '../core/protocol/ownership.ts'
import type { DeviceRow } from '../core/store/device-row.ts'
import { readWholeState } from '../hosts/auth-state/whole-state.ts'
import { mustConfirm } from './confirm.ts'
import { NotDone, WrongUsage } from './failures.ts'
import { type Fleet, type FleetOptions, withFleet } from './fleet-access.ts'
import { isFree, writeMultiFile } from './multi-file/write.ts'
import { counted } from './words.ts'
import { type CliWorld, tell } from './world.ts'

export interface ExportOptions extends FleetOptions {
  readonly yes?: true
}

const WARNING =
  'The folder will be a second copy of the device. Run only one of the two: two live copies conflict. Never ' +
  'return to a folder after its device has sent or received elsewhere: its ratchets are then old, and ' +
  'sessions break.'

export function exportDevice(
  world: CliWorld,
  id: string,
  folder: string,
  options: ExportOptions,
): Promise<void> {
  return withFleet(options, async (fleet) => {
    const row = await readStoppedDevice(fleet, id)
    if (!(await isFree(folder)))
      throw new WrongUsage(`${folder} is not an empty folder; nothing was written.`)
    if (!options.yes) await mustConfirm(world, WARNING, id)
    const place = { device: row.deviceId, credentialsId: row.credentialsId }
    const state = await readWholeState(fleet, place)
    const after = await readStoppedDevice(fleet, id)
    if (after.epoch !== row.epoch || after.credentialsId !== row.credentialsId) {
      throw new NotDone(`Device "${id}" was started meanwhile; nothing was written. Stop it and try again.`)
    }
    const files = await writeMultiFile(folder, state)
    const { untaken } = state
    tell(world, { deviceId: id, folder, files, untaken }, () => [
      `Device "${id}" is in ${folder}: ${counted(files, 'file')}, readable by you alone.`,
      ...(untaken > 0
        ? [`Left in Mooring's inbox: ${counted(untaken, 'message')} that no application has taken yet.`]
        : []),
      ...(options.yes ? [WARNING] : []),
    ])
  })
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
