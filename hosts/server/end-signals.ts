/** Hears SIGTERM and SIGINT from the first moment on. ECS may stop a task in its first seconds, and the
 *  kernel drops a signal to PID 1 that has no handler. A server would then join, take devices, and be killed
 *  with them. Import this file before all others: it imports nothing, so it runs first. */

let leave: (() => void) | undefined

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  // Without a server there is nothing to release.
  process.on(signal, () => (leave ? leave() : process.exit(0)))
}

/** From now on the signals mean `leaveFleet`, and the process ends when that is over. */
export function atEndSignal(leaveFleet: () => void): void {
  leave = leaveFleet
}
