/** Reads and makes the key file of a local fleet: 32 random bytes in base64 on each line, the newest wrapping
 *  key first. The older keys stay in the file to unwrap the data keys that they have wrapped. */
import { randomBytes } from 'node:crypto'
import { link, readFile, rm, stat, writeFile } from 'node:fs/promises'

const KEY_BYTES = 32
/** 32 bytes in base64. */
const LINE_FORM = /^[A-Za-z0-9+/]{43}=$/
const OWNER_ONLY = 0o600
const OTHERS = 0o077
/** Room for more than a thousand keys. */
const FILE_BYTES_MAX = 65_536

/** @returns the keys, the newest first
 *  @throws Error that says what to do and shows nothing of a key */
export async function readKeyFile(path: string): Promise<readonly Buffer[]> {
  const stats = await stat(path).catch((error: Error) => {
    throw new Error(`the key file ${path} cannot be read (${error.message}); put it back`)
  })
  if (!stats.isFile() || stats.size > FILE_BYTES_MAX) {
    throw new Error(`the key file ${path} is no file of keys; put it back`)
  }
  if (stats.mode & OTHERS) throw new Error(`others may read the key file ${path}: chmod 600 it`)
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw new Error(`the key file ${path} cannot be read (${error.message}); put it back`)
  })
  const lines = text.split('\n').map((line) => line.trim())
  const keys = lines.filter((line) => line !== '')
  const wrong = keys.findIndex((line) => !LINE_FORM.test(line))
  if (wrong !== -1) throw new Error(`key ${wrong + 1} in the key file ${path} is not 32 bytes in base64`)
  if (keys.length === 0) throw new Error(`the key file ${path} is empty; put it back`)
  return keys.map((line) => Buffer.from(line, 'base64'))
}

/** Makes a file with one key. An existing file is left as it is. */
export async function createKeyFile(path: string): Promise<void> {
  const line = `${randomBytes(KEY_BYTES).toString('base64')}\n`
  const unfinished = `${path}.${randomBytes(4).toString('hex')}.new`
  try {
    // The file gets its name only when it is whole and on the disk. Otherwise a crash could lose a key whose
    // items exist.
    await writeFile(unfinished, line, { flag: 'wx', mode: OWNER_ONLY, flush: true })
    await link(unfinished, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
  } finally {
    await rm(unfinished, { force: true })
  }
}
