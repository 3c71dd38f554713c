/** The invariants of sockets, judged after every step. At most one running process holds a socket of a
 *  device. The process holds it only within its lease, while it owns the device, and under its own epoch.
 *  A rightful owner is never replaced. */

import { DEFAULT_SETTINGS } from '../../core/settings.ts'
import type { DeviceRow } from '../../core/store/device-row.ts'
import type { Accuse } from './invariants.ts'
import type { Memory, Write } from './memory-store.ts'
import type { Process } from './process.ts'
import type { Replaced, Wire } from './whatsapp.ts'

/** A timer may be this late by rounding. A longer delay is a freeze of the process, which is not judged. */
const TIMER_MS = 2

export interface SocketFigures {
  /** The rightful owner's login replaced the socket of a process that was frozen or gone. Nobody can prevent
   *  that. */
  staleReplaced: number
  /** The known residue: a late login replaced the rightful owner. Its socket had been cut, its process was
   *  gone, or it left a frozen machine late. */
  lateLogins: number
}

export function judgeSockets(memory: () => Memory, nowMs: () => number, accuse: Accuse) {
  const wires = new Set<Wire>()
  const epochs = new Map<string, number>()
  const acknowledged = new Map<Process, number>()
  const figures: SocketFigures = { staleReplaced: 0, lateLogins: 0 }

  const rowOf = (wire: Wire): DeviceRow | undefined => memory().get('Devices', { deviceId: wire.device })
  const isHeld = (wire: Wire) => wire.isOpenHere && wire.process.isAlive()
  const isRightful = (wire: Wire) => {
    const row = rowOf(wire)
    return row?.owner === wire.server && row.epoch === wire.epoch
  }
  const named = (wire: Wire) => `${wire.device} on ${wire.server} under epoch ${wire.epoch}`

  /** In true time: the lease counts from the send of the last acknowledged beat, on the server's own
   *  clock. */
  function leaseEndsMs({ process }: Wire): number {
    const sentAt = acknowledged.get(process)
    return sentAt === undefined ? 0 : sentAt + DEFAULT_SETTINGS.fenceAfterMs / process.clock.rate
  }

  /** The process is frozen, or was asleep a moment ago: it is on the stale side of any conflict. */
  const isAbsent = ({ process }: Wire) => process.isFrozen() || process.hasJustSlept()

  function lease(wire: Wire): void {
    const overMs = nowMs() - leaseEndsMs(wire)
    if (overMs <= TIMER_MS) return
    accuse('2 only within the lease', `${named(wire)} is open ${Math.round(overMs)} ms after the lease ended`)
  }

  return {
    figures,
    opened(wire: Wire): void {
      wires.add(wire)
      const before = epochs.get(wire.device) ?? 0
      if (wire.epoch <= before)
        accuse('4 each socket has an epoch of its own', `${named(wire)} comes after ${before}`)
      epochs.set(wire.device, Math.max(before, wire.epoch))
    },
    /** An error in one socket leaves the other sockets of its process open. */
    damaged(wire: Wire, strike: () => void): void {
      const beside = [...wires].filter(
        (other) => other.process === wire.process && other !== wire && isHeld(other),
      )
      strike()
      const lost = beside.find((other) => !isHeld(other))
      if (lost) accuse('9 a device’s fault moves no other device', `${named(lost)} ended by ${named(wire)}`)
      if (isHeld(wire)) accuse('9 a device’s fault ends its socket', `${named(wire)} is still open`)
    },
    written({ table, before, after }: Write): void {
      // A device that is registered again under the same id is another device, with its own credentials.
      if (table === 'Devices' && before && !after) epochs.delete(String(before.deviceId))
    },
    beatAnswered(process: Process, sentAtMs: number): void {
      acknowledged.set(process, Math.max(acknowledged.get(process) ?? 0, sentAtMs))
    },
    replaced({ older, by }: Replaced): void {
      if (!isHeld(older)) return
      if ((by.loginWasLate || !isHeld(by)) && isRightful(older)) {
        figures.lateLogins += 1
        return
      }
      if (older.process === by.process) {
        accuse('1 one socket per device', `${named(by)} had one open already`)
        return
      }
      if (isAbsent(older)) {
        figures.staleReplaced += 1
        return
      }
      if (!isRightful(older)) return
      accuse('1 a rightful owner is never replaced', `${named(older)} was replaced by ${named(by)}`)
    },
    judge(): void {
      const holding = new Map<string, Wire>()
      for (const wire of wires) {
        if (!isHeld(wire)) {
          wires.delete(wire)
          continue
        }
        if (isAbsent(wire)) continue
        const other = holding.get(wire.device)
        if (other) accuse('1 one socket per device', `${named(other)} and ${named(wire)} at once`)
        holding.set(wire.device, wire)
        const owner = rowOf(wire)?.owner
        if (owner !== wire.server)
          accuse('1 only the owner holds a socket', `${named(wire)}, owned by ${owner ?? 'nobody'}`)
        lease(wire)
      }
    },
    openSockets: () => [...wires].filter(isHeld),
  }
}
