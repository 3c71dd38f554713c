/** Loads what a source gives, without a fleet. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import {
  type AuthenticationCreds,
  BufferJSON,
  initAuthCreds,
  type SignalDataSet,
} from '@whiskeysockets/baileys'
import type { Loaded, Source } from '../../../../cli/import/candidate.ts'
import { asJson, keysOfAllTypes, newJid } from '../builders.ts'

export interface Found {
  readonly from: string
  readonly deviceId: string | undefined
  readonly loaded: Loaded
}

/** Loads each candidate before the next is asked for, as an import may do. */
export async function loadAll(source: Source): Promise<Found[]> {
  const found: Found[] = []
  for await (const candidate of source.candidates()) {
    const { from, deviceId } = candidate
    found.push({ from, deviceId, loaded: await candidate.load() })
  }
  return found
}

export function whyOf(found: Found | undefined): string {
  assert.ok(found && 'unusable' in found.loaded)
  return found.loaded.unusable
}

/** The creds and keys of a device that can be imported, in the form of JSON. */
export function stateOf(found: Found | undefined): { creds: unknown; keys: unknown } {
  assert.ok(found)
  assert.ok('digest' in found.loaded, JSON.stringify(found.loaded))
  const { creds, keys } = found.loaded
  return { creds: asJson(creds), keys: asJson(keys) }
}

/** The state of a linked device, made by Baileys. */
export async function aLinkedState(): Promise<{ creds: AuthenticationCreds; keys: SignalDataSet }> {
  const creds = initAuthCreds()
  const account = { details: Buffer.from('d'), accountSignature: Buffer.from('s') }
  Object.assign(creds, { me: { id: newJid(), lid: '99001:3@lid' }, account })
  return { creds, keys: keysOfAllTypes() }
}

/** The rows of a device, as most systems with one row for each key hold them. */
export function namedRows({ creds, keys }: { creds: unknown; keys: SignalDataSet }): [string, unknown][] {
  const all = Object.entries(keys).flatMap(([type, byId]) =>
    Object.entries(byId).map(([id, value]): [string, unknown] => [`${type}-${id}`, value]),
  )
  return [['creds', creds], ...all]
}

export function inText(value: unknown): string {
  return JSON.stringify(value, BufferJSON.replacer)
}

/** Writes JSON lines to a file that is deleted after the test.
 *  @returns its path */
export function linesFile(test: TestContext, name: string, rows: readonly unknown[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'mooring-rows-'))
  test.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, name)
  writeFileSync(file, rows.map((row) => (typeof row === 'string' ? row : JSON.stringify(row))).join('\n'))
  return file
}
