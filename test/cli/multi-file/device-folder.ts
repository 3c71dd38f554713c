/** A device in a multi-file auth folder, and what the reading of it gives. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { AuthenticationCreds } from '@whiskeysockets/baileys'
import { type MultiFile, readMultiFile } from '../../../cli/multi-file/read.ts'
import { aFolder } from '../import/builders.ts'
import { scratchPath } from '../import/forms/scratch-files.ts'

const KEYS = { 'device-list': { '15550100100': ['0'] }, 'lid-mapping': { '15550100100': '99001' } }

export interface Made {
  readonly folder: string
  readonly creds: AuthenticationCreds
  at(file: string): string
}

export async function made(name: string): Promise<Made> {
  const folder = scratchPath(name)
  const creds = await aFolder(folder, { keys: KEYS })
  return { folder, creds, at: (file) => join(folder, file) }
}

export async function readable(folder: string): Promise<MultiFile> {
  const read = await readMultiFile(folder)
  assert.ok('creds' in read, JSON.stringify(read))
  return read
}

export async function unusable(folder: string): Promise<string> {
  const read = await readMultiFile(folder)
  assert.ok('unusable' in read)
  return read.unusable
}
