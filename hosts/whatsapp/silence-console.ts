/** Takes the console away from libraries: libsignal prints session objects, private keys included, through it.
 *  Mooring's own lines do not pass through the global console. Call this before any socket opens. */
export function silenceConsole(): void {
  for (const method of ['log', 'info', 'warn', 'error', 'debug', 'trace', 'dir', 'table'] as const) {
    console[method] = () => undefined
  }
}
