/** Examines the folder of a kept database before dynalite opens it. Dynalite would report a fault only as an
 *  uncaught exception. LevelDB would make a new database where the old one has lost its file CURRENT. */
import { mkdirSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Fault, naming } from './faults.ts'

/** The same LevelDB that dynalite uses. */
const { Level } = createRequire(createRequire(import.meta.url).resolve('dynalite'))('level') as {
  Level: new (folder: string) => { open(): Promise<void>; close(): Promise<void> }
}

/** LevelDB writes these files only beside a file CURRENT. */
const OF_A_DATABASE = /^(MANIFEST-\d+|\d+\.(ldb|sst|log))$/

/** Makes sure that the database can be opened and that no other process has it open.
 *  @returns whether there was a database already
 *  @throws Fault that says what to do */
export async function examineDatabase(folder: string): Promise<boolean> {
  return naming(`the database in ${folder}`, async () => {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const files = readdirSync(folder)
    const isThere = files.includes('CURRENT')
    const lost = files.find((file) => OF_A_DATABASE.test(file))
    if (!isThere && lost !== undefined) {
      throw new Fault(
        'DATABASE_DAMAGED',
        `the database in ${folder} has lost its file CURRENT, but not ${lost}: put the whole folder back from ` +
          'a copy, or choose another one with --data and link the devices again',
      )
    }
    // Opening would make a new database here, and so hide that the key file is lost.
    if (!isThere) return false
    const database = new Level(folder)
    await database.open()
    await database.close()
    return true
  })
}
