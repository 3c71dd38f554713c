/** Loaded before every test file. Hundreds of processes load the same modules, so the compiled code is
 *  kept on disk. The processes that a test starts find it by the environment. */
import { enableCompileCache } from 'node:module'
import { join } from 'node:path'

const FOLDER = join(import.meta.dirname, '../.mooring/compile-cache')
enableCompileCache(FOLDER)
process.env.NODE_COMPILE_CACHE = FOLDER
