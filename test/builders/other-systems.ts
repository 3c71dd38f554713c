/** States of devices in the forms in which other systems keep them, for `mooring import`. The states come from
 *  multi-file auth folders that the real Baileys wrote. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BufferJSON } from '@whiskeysockets/baileys'
import { readMultiFile } from '../../cli/multi-file/read.ts'

export interface OtherState {
  readonly id: string
  readonly creds: unknown
  readonly keys: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

export interface OtherSystem {
  readonly name: string
  /** Writes the states of all devices into the folder.
   *  @returns the arguments of `mooring` that import them */
  write(folder: string, states: readonly OtherState[]): readonly string[]
}

export async function readStates(authDir: string, ids: readonly string[]): Promise<OtherState[]> {
  const states: OtherState[] = []
  for (const id of ids) {
    const read = await readMultiFile(join(authDir, id))
    if ('unusable' in read) throw new Error(`${id}: ${read.unusable}`)
    states.push({ id, creds: read.creds, keys: read.keys })
  }
  return states
}

/** One row a device, with creds and keys in one column. */
export const DEVICES_TABLE: OtherSystem = {
  name: 'devices table',
  write(folder, states) {
    const rows = states.map(({ id, creds, keys }) => ({
      id,
      device_name: `Shop ${id}`,
      assigned_server_id: null,
      session_data: { creds, keys },
    }))
    return ['import', 'postgres', linesFile(folder, 'devices.jsonl', rows)]
  },
}

/** One row a key, as CSV. */
export const KEY_ROWS: OtherSystem = {
  name: 'key rows',
  write(folder, states) {
    const rows = states.flatMap((state) =>
      itemsOf(state).map(([name, value]) => [state.id, name, json(value)].map(quoted).join(',')),
    )
    const file = join(folder, 'auth.csv')
    writeFileSync(file, ['session,id,value', ...rows, ''].join('\n'))
    return ['import', 'key-rows', file]
  },
}

/** One document a key, in MongoDB's extended JSON. */
export const MONGODB: OtherSystem = {
  name: 'MongoDB',
  write(folder, states) {
    const documents = states.flatMap((state) =>
      itemsOf(state).map(([name, value]) => ({
        _id: `baileys:${state.id}:${name}`,
        value: extended(value),
        __v: 0,
      })),
    )
    return ['import', 'mongodb', linesFile(folder, 'auth.json', documents)]
  },
}

/** One string a key. */
export const REDIS: OtherSystem = {
  name: 'Redis',
  write(folder, states) {
    const entries = states.flatMap((state) =>
      itemsOf(state).map(([name, value]) => ({ key: `wa:${state.id}:${name}`, value: json(value) })),
    )
    return ['import', 'redis', linesFile(folder, 'redis.jsonl', entries)]
  },
}

function itemsOf({ creds, keys }: OtherState): [string, unknown][] {
  const named = Object.entries(keys).flatMap(([type, byId]) =>
    Object.entries(byId).map(([id, value]): [string, unknown] => [`${type}-${id}`, value]),
  )
  return [['creds', creds], ...named]
}

function linesFile(folder: string, name: string, rows: readonly unknown[]): string {
  const file = join(folder, name)
  writeFileSync(file, rows.map((row) => `${json(row)}\n`).join(''))
  return file
}

function json(value: unknown): string {
  return JSON.stringify(value, BufferJSON.replacer)
}

/** Bytes as mongoexport writes them. */
function extended(value: unknown): unknown {
  return JSON.parse(json(value), (_name, part) =>
    part?.type === 'Buffer' ? { $binary: { base64: part.data, subType: '00' } } : part,
  )
}

function quoted(cell: string): string {
  return `"${cell.replaceAll('"', '""')}"`
}
