/** Puts errors into words for rows and logs. An error can quote a text, a phone number or a key that it
 *  failed on: those are left out. */
import { Boom } from '@hapi/boom'
import { isMooringError } from '../../core/errors.ts'

const CHARACTERS_MAX = 160
/** Quoted material, runs of digits as in phone numbers, and long runs as in keys. */
const MATERIAL = /"[^"]*"?|'[^']*'?|`[^`]*`?|\d{5,}|[A-Za-z0-9+/=_-]{32,}/g

/** The error's name and message, made plain and short. Never throws, whatever was thrown. */
export function wordsOf(error: unknown): string {
  try {
    const words =
      error instanceof Error ? `${error.name}: ${error.message}` : `${typeof error}: ${String(error)}`
    const plain = words
      .slice(0, 1000)
      .replace(MATERIAL, '…')
      .replace(/[\p{C}\s]+/gu, ' ')
    return plain.length > CHARACTERS_MAX ? `${plain.slice(0, CHARACTERS_MAX)}…` : plain
  } catch {
    return 'an error that cannot be read'
  }
}

/** The first file of the stack, ours or a library's: `@whiskeysockets/baileys/lib/Socket/socket.js:412`. */
export function placeOf(error: unknown): string {
  try {
    const stack = error instanceof Error ? String(error.stack) : ''
    for (const line of stack.split('\n').slice(1, 50)) {
      const [, path, at] = /(?:file:\/\/|\()?(\/[^():]+):(\d+):\d+\)?$/.exec(line) ?? []
      if (path && at) return `${withoutRoot(path)}:${at}`
    }
  } catch {
    // A stack that cannot be read has no place.
  }
  return 'unknown'
}

function withoutRoot(path: string): string {
  const module = path.split('/node_modules/').at(-1)
  return module && module !== path ? module : path.split('/').slice(-2).join('/')
}

export function codeOf(error: unknown): number | string {
  if (error instanceof Boom) return error.output.statusCode
  return isMooringError(error) ? error.code : 'UNKNOWN'
}
