/** Sees every write, every answer and every socket, and tells which invariant was broken first. */
import type { DeviceId } from '../../core/ids.ts'
import { judgeWrites, type RoomFigures } from './invariants.ts'
import { type AuthFigures, judgeAuth } from './invariants-auth.ts'
import { judgeSockets, type SocketFigures } from './invariants-sockets.ts'
import { judgeSuspicion } from './invariants-suspicion.ts'
import type { Memory, Write } from './memory-store.ts'
import type { Answered } from './network.ts'
import type { Trace } from './trace.ts'
import type { Replaced, WhatsApp, Wire } from './whatsapp.ts'

export interface Violation {
  readonly invariant: string
  readonly why: string
  readonly atMs: number
}

export interface Judge {
  readonly figures: SocketFigures & AuthFigures & RoomFigures
  written(write: Write): void
  answered(answer: Answered): void
  opened(wire: Wire): void
  damaged(wire: Wire, strike: () => void): void
  poisoned(device: DeviceId): void
  replaced(event: Replaced): void
  linked(wire: Wire): void
  read(device: string, key: string, epoch: number): void
  accuse(invariant: string, why: string): void
  /** Called after every step. */
  judge(): void
  verdict(): Violation | undefined
  openSockets(): Wire[]
}

export function createJudge(parts: {
  memory: Memory
  whatsapp: WhatsApp
  trace: Trace
  nowMs: () => number
}): Judge {
  const { trace, nowMs } = parts
  let violation: Violation | undefined
  const accuse = (invariant: string, why: string) => {
    if (violation) return
    violation = { invariant, why, atMs: nowMs() }
    trace.say('judge', `VIOLATION of ${invariant}: ${why}`)
  }
  const memory = () => parts.memory
  const writes = judgeWrites(memory, accuse)
  const sockets = judgeSockets(memory, nowMs, accuse)
  const suspicion = judgeSuspicion(accuse)
  const auth = judgeAuth(memory, (identity) => parts.whatsapp.isLinked(identity), accuse)
  return {
    get figures() {
      return { ...sockets.figures, ...auth.figures, ...writes.figures }
    },
    written(write) {
      writes.written(write)
      auth.written(write)
      sockets.written(write)
      suspicion.written(write)
    },
    answered({ request, process, sentAtMs, result }) {
      if (request === 'beat' && result !== undefined) sockets.beatAnswered(process, sentAtMs)
    },
    opened: sockets.opened,
    damaged: sockets.damaged,
    poisoned: suspicion.poisoned,
    replaced: sockets.replaced,
    linked: auth.linked,
    read: auth.read,
    accuse,
    judge: sockets.judge,
    verdict: () => violation,
    openSockets: sockets.openSockets,
  }
}
