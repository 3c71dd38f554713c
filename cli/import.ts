/** `mooring import`: brings in devices of another system with their credentials, so that no phone must pair
 *  again. */
import { type FleetOptions, withFleet, withTables } from './fleet-access.ts'
import type { Source } from './import/candidate.ts'
import { type CheckOptions, checkSource } from './import/check.ts'
import { type RunOptions, runImport } from './import/run.ts'
import { type Columns, devicesTable } from './import/sources/devices-table.ts'
import { folders } from './import/sources/folders.ts'
import { type KeyColumns, keyRows } from './import/sources/key-rows.ts'
import { type MongoOptions, mongodb } from './import/sources/mongodb.ts'
import { type RedisOptions, redis } from './import/sources/redis.ts'
import type { IdSource } from './import/sources/whatsmeow/id-sources.ts'
import { whatsmeow } from './import/sources/whatsmeow/source.ts'
import { type UndoOptions, undoBatch } from './import/undo.ts'
import type { CliWorld } from './world.ts'

type Options = FleetOptions & RunOptions & CheckOptions & { readonly check?: true }

export function importMultiFile(world: CliWorld, paths: string[], options: Options): Promise<void> {
  return importFrom(world, folders(paths, world.stop), options)
}

export function importPostgres(world: CliWorld, file: string, options: Options & Columns): Promise<void> {
  return importFrom(world, devicesTable(file, { ...options, stop: world.stop }), options)
}

export function importKeyRows(world: CliWorld, file: string, options: Options & KeyColumns): Promise<void> {
  return importFrom(world, keyRows(file, { ...options, stop: world.stop }), options)
}

export function importMongodb(world: CliWorld, file: string, options: Options & MongoOptions): Promise<void> {
  return importFrom(world, mongodb(file, { ...options, stop: world.stop }), options)
}

export function importRedis(world: CliWorld, file: string, options: Options & RedisOptions): Promise<void> {
  return importFrom(world, redis(file, { ...options, stop: world.stop }), options)
}

export function importWhatsmeow(
  world: CliWorld,
  paths: string[],
  options: Options & { readonly idFrom: IdSource },
): Promise<void> {
  return importFrom(world, whatsmeow(paths, { idFrom: options.idFrom, stop: world.stop }), options)
}

/** A check needs no fleet: neither tables nor a key. */
function importFrom(world: CliWorld, source: Source, options: Options): Promise<void> {
  if (options.check) return checkSource(world, source, options)
  return withFleet(options, (fleet) => runImport(world, fleet, source, options))
}

export function undoImportOf(world: CliWorld, batch: string, options: UndoOptions): Promise<void> {
  return withTables(options, (tables) => undoBatch(world, tables, batch, options))
}
