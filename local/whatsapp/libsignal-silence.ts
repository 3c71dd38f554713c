/** libsignal prints whole sessions, private keys included, through `console`. This filter drops its lines. */

const LIBSIGNAL_SAYS = [
  'Closing session:',
  'Opening session:',
  'Removing old closed session:',
  'Session already closed',
  'Session already open',
  'Migrating session to:',
  'Closing open session in favor of incoming prekey bundle',
  'Decrypted message with closed session.',
  'Failed to decrypt message with any known session...',
  'Session error:',
  'V1 session storage migration error',
  'WARNING: Expected pubkey of length 33',
  'Unhandled bucket type (for naming):',
]

let silenced = false

/** Applies to the whole process until its end, because a promise that outlives the simulator may still print
 *  a session. */
export function silenceLibsignal(): void {
  if (silenced) return
  silenced = true
  for (const method of ['info', 'warn', 'error'] as const) {
    const print = console[method].bind(console)
    console[method] = (...args: unknown[]) => {
      if (!isLibsignal(args)) print(...args)
    }
  }
}

function isLibsignal([first]: unknown[]): boolean {
  return typeof first === 'string' && LIBSIGNAL_SAYS.some((phrase) => first.startsWith(phrase))
}
