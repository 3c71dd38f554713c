/** A fault keeps a fleet from starting, or ends it. Its message tells the person at the terminal what is
 *  wrong, and what to do. A stack is of no use there; the stack of an unforeseen error goes to a log. */

export type FaultCode =
  | 'WRONG_OPTION'
  | 'FOLDER_UNUSABLE'
  | 'DATA_IN_USE'
  | 'DATABASE_DAMAGED'
  | 'DISK_FULL'
  | 'KEY_FILE_MISSING'
  | 'KEY_FILE_UNUSABLE'
  | 'KEY_FILE_DIFFERS'
  | 'SECRET_FILE_UNUSABLE'
  | 'PHONES_FILE_DAMAGED'
  | 'NOT_STARTED'
  | 'CONTROL_PLANE_ENDED'
  | 'OUTPUT_CLOSED'

export class Fault extends Error {
  readonly code: FaultCode

  constructor(code: FaultCode, message: string) {
    super(message)
    this.code = code
  }
}

/** Causes by the codes of the system, and by the words of LevelDB, which has no codes for them. */
const CAUSES: readonly (readonly [cause: RegExp, code: FaultCode, words: string])[] = [
  [
    /ENOSPC|EDQUOT|No space left on device|quota exceeded/i,
    'DISK_FULL',
    'the disk is full: free some space and start again',
  ],
  [
    /LEVEL_LOCKED|LOCK: (Resource temporarily unavailable|already held)/,
    'DATA_IN_USE',
    'another fleet is using it: end that fleet, or choose another folder with --data',
  ],
  [
    /EACCES|EPERM|Permission denied/i,
    'FOLDER_UNUSABLE',
    'this user may not read and write there: change its rights or its owner, or choose another folder',
  ],
  [/EROFS|Read-only file system/i, 'FOLDER_UNUSABLE', 'it can only be read: choose another folder'],
  [
    /ENOTDIR|EEXIST/,
    'FOLDER_UNUSABLE',
    'there is a file where a folder should be: move it, or choose another folder',
  ],
  [/ENOENT/, 'FOLDER_UNUSABLE', 'it does not exist and cannot be made: choose another folder'],
  [
    /ENAMETOOLONG|ELOOP|EISDIR|ERR_INVALID_ARG_VALUE/,
    'FOLDER_UNUSABLE',
    'no folder can have this name: choose another one',
  ],
  [/EPIPE/, 'OUTPUT_CLOSED', 'the reader of its output is gone'],
  [
    /EMFILE|ENFILE/,
    'FOLDER_UNUSABLE',
    'too many files are open: raise the limit (ulimit -n), or end other programs',
  ],
  [
    /LEVEL_CORRUPTION|LEVEL_IO_ERROR|Corruption|IO error|EIO/,
    'DATABASE_DAMAGED',
    'the database cannot be read: put the whole folder back from a copy, or choose another one with --data and link ' +
      'the devices again',
  ],
]

/** @param what the sentence is about, for example `the data folder /srv/mooring`
 *  @returns a Fault, or the error itself when its kind is unknown */
export function faultOf(what: string, error: unknown): unknown {
  if (error instanceof Fault) return error
  const told = tokensOf(error)
  const known = CAUSES.find(([cause]) => cause.test(told))
  return known ? new Fault(known[1], `${what}: ${known[2]}`) : error
}

/** Runs the work, and throws an error of a known kind as a Fault. */
export async function naming<T>(what: string, work: () => Promise<T> | T): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw faultOf(what, error)
  }
}

/** The line for the terminal. */
export function lastWords(error: unknown): string {
  if (error instanceof Fault) return `${error.code}: ${error.message}`
  return error instanceof Error ? error.message : String(error)
}

/** The codes and messages of an error and its causes. */
function tokensOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { code = '' } = error as NodeJS.ErrnoException
  const { cause } = error
  return `${code} ${error.message}${cause === undefined ? '' : ` ${tokensOf(cause)}`}`
}
