/** Attributes uncaught errors to devices. All work of a socket carries its device along: Baileys' listeners
 *  and timers, promises that nobody awaits, and our own handlers. An uncaught error ends the socket of its
 *  device alone. An error without a device ends the process, and with it every socket. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { Boom } from '@hapi/boom'
import type { EventName } from '../../core/catalogue.ts'
import type { Clock, Mark } from '../../core/clock.ts'
import { isMooringError } from '../../core/errors.ts'
import type { DeviceId, ServerId } from '../../core/ids.ts'
import type { EventFields, Telemetry } from '../../core/telemetry.ts'
import { codeOf, placeOf, wordsOf } from './error-words.ts'

export interface Attributed {
  readonly deviceId: DeviceId
  readonly serverId: ServerId
  /** Ends the device's socket because of an uncaught error. Does nothing when that socket is closed. */
  fault(error: unknown): void
}

/** At most one line in the log within this time for each device and kind of error. The line says how many
 *  were left out. */
const TOLD_EVERY_MS = 1000
const TOLD_OF_MAX = 10_000

const running = new AsyncLocalStorage<Attributed | undefined>()

/** Runs `work`, and everything that it starts, as work of this device. */
export function runFor<Result>(device: Attributed, work: () => Result): Result {
  return running.run(device, work)
}

/** @returns `shared` with functions that run as work of no device. Devices share it, and its connections
 *  outlive each of them. An error in such a connection must not count against the device that happened to
 *  open it. */
export function forNobody<Shared extends object>(shared: Shared): Shared {
  return wrapped(shared, (work) => running.run(undefined, work))
}

/** @returns `owned` with functions that run as work of this device, whoever calls them. */
export function forDevice<Owned extends object>(device: Attributed, owned: Owned): Owned {
  return wrapped(owned, (work) => running.run(device, work))
}

function wrapped<Of extends object>(object: Of, run: (work: () => unknown) => unknown): Of {
  const entries = Object.entries(object).map(([name, value]) => [
    name,
    typeof value === 'function' ? (...given: unknown[]) => run(() => value(...given)) : value,
  ])
  return Object.fromEntries(entries) as Of
}

type ErrorEvent = 'uncaughtException' | 'unhandledRejection'

/** Hears every uncaught error. Baileys leaves some requests unawaited (`CB:ib,,offline_preview`, for one).
 *  When their socket closes meanwhile, they fail by a Boom or by the error of the write. A refusal of our own
 *  auth state comes back through Baileys in the same way. Such a rejection is counted and ends nothing. Any
 *  other error is a fault of its device.
 *  @param on the process
 *  @param end is called with an error that belongs to no device: the process must end */
export function attributeErrors(
  on: { on(event: ErrorEvent, hear: (error: unknown) => void): unknown },
  { telemetry, clock }: { readonly telemetry: Telemetry; readonly clock: Clock },
  end: (error: unknown) => void,
): void {
  // A closed socket may go on failing: it must not fill the log.
  const told = new Map<string, { since: Mark; untold: number }>()

  on.on('uncaughtException', faulted)
  on.on('unhandledRejection', (reason) => {
    const isHarmless = reason instanceof Boom || isMooringError(reason) || isLostWrite(reason)
    if (!isHarmless) return faulted(reason)
    tell('socket.stray_rejection', reason, { code: codeOf(reason) })
  })

  function faulted(error: unknown): void {
    const device = running.getStore()
    if (!device) {
      end(error)
      return
    }
    try {
      tell('device.fault', error)
      device.fault(error)
    } catch (failure) {
      end(failure)
    }
  }

  function tell(event: EventName, error: unknown, facts: EventFields = {}): void {
    const key = `${event} of ${running.getStore()?.deviceId ?? 'nobody'}`
    const before = told.get(key)
    if (before && clock.elapsedMs(before.since) < TOLD_EVERY_MS) {
      before.untold += 1
      return
    }
    if (told.size >= TOLD_OF_MAX) told.clear()
    told.set(key, { since: clock.mark(), untold: 0 })
    const untold = before?.untold ? { untold: before.untold } : {}
    telemetry.emit(event, { ...ofDevice(), ...facts, ...untold, why: wordsOf(error), from: placeOf(error) })
  }

  /** After such a write the socket itself closes, with the code of a lost connection. */
  function isLostWrite(reason: unknown): boolean {
    if (!(reason instanceof Error) || !('code' in reason) || !('syscall' in reason)) return false
    const isLost = reason.code === 'EPIPE' || reason.code === 'ECONNRESET'
    return isLost && reason.syscall === 'write' && running.getStore() !== undefined
  }

  function ofDevice() {
    const device = running.getStore()
    return device && { deviceId: device.deviceId, serverId: device.serverId }
  }
}
