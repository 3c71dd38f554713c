/** Baileys leaves some sends unawaited (`CB:ib,,offline_preview`, for one): when their socket closes meanwhile, nobody
 *  catches the rejection, and Node would end the process with the sockets of all other devices. */
import { Boom } from '@hapi/boom'
import { isMooringError } from '../core/errors.ts'
import type { Telemetry } from '../core/telemetry.ts'

/** @param on the process: anything but a Boom, which is what Baileys throws, and a refusal of our own auth state, which
 *  comes back through Baileys, still ends it */
export function ignoreStrayRejections(
  on: { on(event: 'unhandledRejection', hear: (reason: unknown) => void): unknown },
  telemetry: Telemetry,
): void {
  on.on('unhandledRejection', (reason) => {
    if (reason instanceof Boom)
      return telemetry.emit('socket.stray_rejection', {
        code: reason.output.statusCode,
        why: reason.message,
      })
    if (!isMooringError(reason)) throw reason
    telemetry.emit('socket.stray_rejection', { code: reason.code, why: reason.message })
  })
}
