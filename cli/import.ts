/** `mooring import`: brings in devices of another system with their credentials, so that no phone must pair
 *  again. */
import { type FleetOptions, withFleet } from './fleet-access.ts'
import { type RunOptions, runImport } from './import/run.ts'
import { type Columns, devicesTable } from './import/sources/devices-table.ts'
import { folders } from './import/sources/folders.ts'
import type { CliWorld } from './world.ts'

type Options = FleetOptions & RunOptions

export function importMultiFile(world: CliWorld, paths: string[], options: Options): Promise<void> {
  return withFleet(options, (fleet) => runImport(world, fleet, folders(paths, world.stop), options))
}

export function importPostgres(world: CliWorld, file: string, options: Options & Columns): Promise<void> {
  const source = devicesTable(file, { ...options, stop: world.stop })
  return withFleet(options, (fleet) => runImport(world, fleet, source, options))
}
