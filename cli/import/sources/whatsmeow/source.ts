/** Reads devices that whatsmeow has linked, as WAHA's GOWS engine and wuzapi keep them: in SQLite files, or
 *  in a dump of PostgreSQL. The tables are mapped to Baileys' forms, so no device pairs again. */

import { serialise } from '../../../../hosts/auth-state/serialise.ts'
import { WrongUsage } from '../../../failures.ts'
import { plain } from '../../../words.ts'
import { type Candidate, digestOf, idFrom, type Loaded, nameFrom, type Source } from '../../candidate.ts'
import { judgeCredentials } from '../../credentials/judge.ts'
import { readRecords } from '../../forms/records.ts'
import { isMessenger } from './creds.ts'
import { dumpedRows } from './dump.ts'
import type { IdSource } from './id-sources.ts'
import { type Names, namesFor, namesIn } from './names.ts'
import { type Place, placesAt } from './places.ts'
import type { DeviceRows } from './rows.ts'
import { NoDatabase, withSqlite } from './sqlite-file.ts'
import { mapDevice } from './state.ts'
import { whatsmeowTables } from './tables.ts'
import { DamagedRow } from './values.ts'

type Database = Extract<Place, { kind: 'database' }>
type Found = Pick<Candidate, 'from'> & {
  readonly jid: string
  readonly name?: string
  readonly folder?: string
}

export interface WhatsmeowOptions {
  readonly idFrom: IdSource
  /** Ends the reading of a dump early. */
  readonly stop?: AbortSignal
}

export function whatsmeow(paths: readonly string[], options: WhatsmeowOptions): Source {
  return {
    kind: 'device',
    async *candidates() {
      for await (const place of placesAt(paths)) {
        if (place.kind === 'dump') yield* fromDump(place.path, options)
        else if (place.kind === 'unreadable') yield unusable(place.path, `it ${place.why}`)
        else yield* fromDatabase(place, options.idFrom)
      }
    },
  }
}

async function* fromDatabase(place: Database, idSource: IdSource): AsyncGenerator<Candidate> {
  const { path, head, folderName } = place
  let found: { jids: string[]; names: Names }
  try {
    found = await withSqlite(path, head, (database) => ({
      jids: whatsmeowTables(database).jids(),
      names: namesIn(database),
    }))
  } catch (error) {
    if (!(error instanceof NoDatabase)) throw error
    // In a directory, one file that cannot be read must not stop the others.
    if (folderName === undefined) throw new WrongUsage(`${plain(path)} ${plain(error.message)}.`)
    return yield unusable(path, `it ${error.message}`)
  }
  const { jids } = found
  if (jids.length === 0) {
    if (folderName === undefined) throw new WrongUsage(`${plain(path)} holds no linked device.`)
    return yield unusable(path, 'it holds no linked device')
  }
  const names = await namesFor(path, found.names)
  for (const jid of jids) {
    const name = names.get(jid)
    const isAlone = jids.length === 1
    const one: Found = {
      from: isAlone ? path : `${path} ${jid}`,
      jid,
      ...(name === undefined ? {} : { name }),
      ...(folderName === undefined || !isAlone ? {} : { folder: folderName }),
    }
    yield candidate(one, idSource, (use) =>
      withSqlite(path, head, (database) => {
        const rows = whatsmeowTables(database).rowsOf(jid)
        return rows
          ? use(rows)
          : { unusable: 'it was deleted while it was read: does the old system still run?' }
      }),
    )
  }
}

async function* fromDump(path: string, { idFrom, stop }: WhatsmeowOptions): AsyncGenerator<Candidate> {
  for await (const { at, row } of readRecords(path, stop ? { stop } : {})) {
    if (!('device' in row)) {
      throw new WrongUsage(
        `${plain(path)}: ${at} has no "device", only ${plain(Object.keys(row).slice(0, 20).join(', '))}. ` +
          'docs/importing.md has the command that dumps the tables.',
      )
    }
    const { jid } = { ...(row.device as { jid?: unknown } | null) }
    const one = {
      from: at,
      jid: String(jid ?? ''),
      ...(typeof row.name === 'string' ? { name: row.name } : {}),
    }
    yield candidate(one, idFrom, async (use) => use(dumpedRows(row)))
  }
}

function candidate(
  { from, jid, name, folder }: Found,
  idSource: IdSource,
  read: (use: (rows: DeviceRows) => Loaded) => Promise<Loaded>,
): Candidate {
  const by: Readonly<Record<IdSource, string | undefined>> = {
    name,
    folder,
    phone: jid.split(/[.:@]/)[0],
    get auto() {
      return this.name || this.folder || this.phone
    },
  }
  const called = by[idSource] ?? ''
  const { deviceId, notes } = idFrom(called)
  return {
    from,
    deviceId,
    name: nameFrom(name ?? folder ?? called, 'imported'),
    notes,
    async load() {
      try {
        return await read((rows) => loaded(deviceId, rows))
      } catch (error) {
        if (error instanceof DamagedRow) return { unusable: `it is damaged: ${error.message}` }
        if (error instanceof NoDatabase) return { unusable: `its database ${error.message}` }
        throw error
      }
    },
  }
}

function loaded(deviceId: Candidate['deviceId'], rows: DeviceRows): Loaded {
  if (isMessenger(rows.device)) return { unusable: 'it is a device of Messenger, not of WhatsApp' }
  if (!deviceId) return { unusable: 'no device id can be made of its name: see --id-from' }
  const { creds, keys, leftOut } = mapDevice(rows)
  const judged = judgeCredentials(deviceId, creds, keys, leftOut)
  if ('unusable' in judged) return judged
  // The pair of a new pairing is random, and the same in no two readings.
  const { pairingEphemeralKeyPair, ...stable } = creds
  return { ...judged, digest: digestOf(serialise({ creds: stable, keys })) }
}

function unusable(path: string, why: string): Candidate {
  return { from: path, deviceId: undefined, name: path, notes: [], load: async () => ({ unusable: why }) }
}
