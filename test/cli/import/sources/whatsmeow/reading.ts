/** Reads candidates as an import does, from files of the test. */
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Candidate, Loaded } from '../../../../../cli/import/candidate.ts'
import type { IdSource } from '../../../../../cli/import/sources/whatsmeow/id-sources.ts'
import { whatsmeow } from '../../../../../cli/import/sources/whatsmeow/source.ts'
import { aDevice, writeDatabase } from './tables.ts'

/** Another device than that of `aDevice`. */
export const OTHER = { jid: '15550100102:7@s.whatsapp.net', lid: '99102:7@lid' }

export async function candidates(path: string, idFrom: IdSource = 'auto'): Promise<Candidate[]> {
  const found: Candidate[] = []
  for await (const candidate of whatsmeow([path], { idFrom }).candidates()) found.push(candidate)
  return found
}

export async function loadAll(path: string): Promise<Loaded[]> {
  return Promise.all((await candidates(path)).map((candidate) => candidate.load()))
}

export function aDatabaseFile(path: string, devices = [aDevice()]): string {
  mkdirSync(dirname(path), { recursive: true })
  writeDatabase(path, devices).close()
  return path
}
