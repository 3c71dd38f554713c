/** Keeps the key file and the database of a data folder together. With another key file every device would
 *  wait for ever, and a new key file would hide that the old one is lost. So a database remembers its
 *  wrapping keys. */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dataKeysKey } from '../core/store/auth-item-row.ts'
import type { Store } from '../core/store/store.ts'
import { scanAll } from '../core/store/store.ts'
import { createKeyFile, readKeyFile } from '../hosts/auth-state/keys/key-file.ts'
import { wrappingKeyName } from '../hosts/auth-state/keys/key-file-wrapping.ts'
import { Fault, naming } from './faults.ts'

/** This file lies among the files of the database, so that every copy of the database has it. */
const REMEMBERED = 'wrapping-key-names'
const NAME_FORM = /^key-[0-9a-f]{16}$/
const ADVICE =
  'Put the right file back. If it is lost for good, these credentials cannot be read any more: start with another ' +
  'folder, and link the devices again'

/** Reads the key file. A missing key file is made when there is no database yet.
 *  @returns the names of its keys, the newest first
 *  @throws Fault KEY_FILE_MISSING | KEY_FILE_UNUSABLE | DISK_FULL */
export async function keyNamesOf(keyFile: string, hasDatabase: boolean): Promise<readonly string[]> {
  if (!existsSync(keyFile)) {
    if (hasDatabase) {
      const what = `the key file ${keyFile} is missing, but its database is there`
      throw new Fault('KEY_FILE_MISSING', `${what}; no new key is made beside old credentials. ${ADVICE}`)
    }
    await naming(`the key file ${keyFile}`, () => createKeyFile(keyFile))
  }
  const keys = await readKeyFile(keyFile).catch((error: Error) => {
    throw new Fault('KEY_FILE_UNUSABLE', `${error.message}. ${ADVICE}`)
  })
  return keys.map(wrappingKeyName)
}

/** @throws Fault KEY_FILE_DIFFERS when the database belongs to other keys */
export async function matchKeyFile(
  database: { readonly folder: string; readonly store: Store; readonly existed: boolean },
  keyFile: string,
  names: readonly string[],
): Promise<void> {
  const { folder, store, existed } = database
  const file = join(folder, REMEMBERED)
  const remembered = recall(file)
  const [newest] = remembered
  if (newest !== undefined && !names.includes(newest)) throw differs(keyFile, newest)
  const isKnown = newest !== undefined && remembered.every((name) => names.includes(name))
  // A removed key may no longer be in use: after a rotation the operator is told to remove old keys.
  if (existed && !isKnown) {
    const missed = (await keysInUse(store)).find((name) => !names.includes(name))
    if (missed !== undefined) throw differs(keyFile, missed)
  }
  if (names.join('\n') === remembered.join('\n')) return
  await naming(`the data folder ${folder}`, () => {
    writeFileSync(`${file}.new`, `${names.join('\n')}\n`, { mode: 0o600, flush: true })
    renameSync(`${file}.new`, file)
  })
}

function differs(keyFile: string, name: string): Fault {
  const what = `the key file ${keyFile} does not belong to this database: it lacks ${name}`
  return new Fault('KEY_FILE_DIFFERS', `${what}, by which credentials there are sealed. ${ADVICE}`)
}

/** @returns no names for a database that is older than this file */
function recall(file: string): readonly string[] {
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').split('\n')
  return lines.filter((line) => NAME_FORM.test(line))
}

/** The wrapping keys of the present credentials of all devices. */
async function keysInUse(store: Store): Promise<string[]> {
  const names = new Set<string>()
  for (const { deviceId, credentialsId } of await scanAll(store, 'Devices', {})) {
    const item = await store.get('AuthState', { deviceId, key: dataKeysKey(credentialsId) })
    for (const [, name] of (item?.value ?? '').matchAll(/"by":"(key-[0-9a-f]{16})"/g)) names.add(name ?? '')
  }
  return [...names]
}
