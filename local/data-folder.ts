/** Prepares the data folder of `npm start`, private to its owner, and keeps the secrets that lie beside the
 *  database. */
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { Fault, naming } from './faults.ts'

const SECRET_BYTES_MAX = 4096

/** Makes the folder if it is missing, and checks that a file can be written into it.
 *  @throws Fault that says what to do */
export async function prepareFolder(what: string, folder: string): Promise<void> {
  await naming(what, () => {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const probe = join(folder, `.probe-${process.pid}`)
    try {
      writeFileSync(probe, 'A full disk takes no file, or an empty one.', { mode: 0o600 })
    } finally {
      rmSync(probe, { force: true })
    }
  })
}

/** Keeps a secret in the folder, so that it stays the same at each start. Without a folder each start makes a
 *  new one.
 *  @param form that a secret must have
 *  @throws Fault SECRET_FILE_UNUSABLE | DISK_FULL | FOLDER_UNUSABLE */
export async function keepSecret(
  folder: string | undefined,
  name: string,
  make: () => string,
  form: RegExp,
): Promise<string> {
  if (folder === undefined) return make()
  const file = join(folder, name)
  return naming(`the file ${file}`, () => {
    if (existsSync(file)) return readSecret(file, form)
    const secret = make()
    const unfinished = `${file}.${process.pid}.new`
    try {
      // The file gets its name only when it is complete.
      writeFileSync(unfinished, `${secret}\n`, { mode: 0o600, flag: 'wx', flush: true })
      linkSync(unfinished, file)
    } finally {
      rmSync(unfinished, { force: true })
    }
    return secret
  })
}

function readSecret(file: string, form: RegExp): string {
  const stats = statSync(file)
  const secret = stats.isFile() && stats.size <= SECRET_BYTES_MAX ? readFileSync(file, 'utf8').trim() : ''
  if (!form.test(secret)) {
    throw new Fault(
      'SECRET_FILE_UNUSABLE',
      `the file ${file} is empty or damaged: put it back, or delete it and a new one is made at the next start`,
    )
  }
  chmodSync(file, 0o600)
  return secret
}
