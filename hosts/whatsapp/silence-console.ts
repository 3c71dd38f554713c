/** Takes the console away from libraries, since libsignal prints session objects through it, private keys
 *  included. Mooring's own lines do not use the global console. Call this before any socket opens. */
export function silenceConsole(): void {
  for (const method of ['log', 'info', 'warn', 'error', 'debug', 'trace', 'dir', 'table'] as const) {
    console[method] = () => undefined
  }
}
