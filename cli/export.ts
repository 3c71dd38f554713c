/** `mooring export`: a device that rests, as a multi-file auth folder that Baileys can go on with. */

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
  'From then on the folder is a second copy. Run one of the two only: two live copies conflict. And never go back to a ' +
  'folder after its device has sent or received elsewhere: its ratchets are old then, and sessions break.'

export function exportDevice(
  world: CliWorld,
  id: string,
  folder: string,
  options: ExportOptions,
): Promise<void> {
  return withFleet(options, async (fleet) => {
    const row = await restingDevice(fleet, id)
    if (!(await isFree(folder)))
      throw new WrongUsage(`${folder} is not an empty folder; nothing was written.`)
    if (!options.yes) await mustConfirm(world, WARNING, id)
    const place = { device: row.deviceId, credentialsId: row.credentialsId }
    const state = await readWholeState(fleet, place)
    const after = await restingDevice(fleet, id)
    if (after.epoch !== row.epoch || after.credentialsId !== row.credentialsId) {
      throw new NotDone(`Device ${id} was started meanwhile; nothing was written. Stop it and try again.`)
    }
    const files = await writeMultiFile(folder, state)
    const { untaken } = state
    tell(world, { deviceId: id, folder, files, untaken }, () => [
      `${id} is in ${folder}: ${counted(files, 'file')}, readable by you alone.`,
      ...(untaken > 0 ? [`${counted(untaken, 'message')} that nobody has taken yet stay here.`] : []),
      ...(options.yes ? [WARNING] : []),
    ])
  })
}

/** @throws MooringError DEVICE_NOT_FOUND | DEVICE_NOT_STOPPED | DEVICE_BEING_IMPORTED; NotDone without credentials */
async function restingDevice({ store }: Fleet, id: string): Promise<DeviceRow> {
  const row = await readDevice(store, deviceId(id))
  if (row.importing) {
    throw new MooringError('DEVICE_BEING_IMPORTED', `device ${id} has only a part of its credentials`)
  }
  if (row.owner || row.desired !== 'stopped') {
    const how = row.desired === 'stopped' ? 'its server is about to let it go: try again' : 'stop it first'
    throw new MooringError('DEVICE_NOT_STOPPED', `device ${id} is not stopped; ${how}`)
  }
  if (!row.pairedAt) throw new NotDone(`Device ${id} is not linked: there is nothing to export.`)
  return row
}
