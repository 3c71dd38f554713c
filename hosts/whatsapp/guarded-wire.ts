/** When a frame may leave a socket: within the lease, and not while credentials are being stored. Baileys asks for neither. */
import { Boom } from '@hapi/boom'
import { DisconnectReason } from '@whiskeysockets/baileys'
import { WebSocket } from 'ws'

/** As it is handed to `send`: the bytes, and the callback that hears what became of them. */
type Frame = readonly unknown[]

export interface GuardedWire {
  /** Holds every frame back until the credentials are stored; when they cannot be, the wire is cut and nothing leaves.
   *  Baileys answers WhatsApp without waiting for its creds to be stored: should the process end in between, the phone would
   *  show a linked device whose credentials nobody has, or the next socket would make other pre-keys under numbers that
   *  WhatsApp has given out. */
  holdUntil(stored: Promise<void>): void
}

/** A process that was stopped in the middle of a turn finishes that turn before its fence's timer runs, and while a machine
 *  sleeps that timer stands still: what came during a freeze would be acted on, and a login would go on. So the lease is
 *  asked for each frame that comes, and again right before one leaves.
 *  @param wire of a socket that has sent nothing yet */
export function guardWire(wire: WebSocket, mayAct: () => boolean): GuardedWire {
  const write = wire.send.bind(wire) as (...frame: Frame) => void
  // No longer than a lease: outside it nothing is stored, and the wire is cut.
  const held: Frame[] = []
  let storing = 0

  wire.prependListener('message', () => void mayAct())
  wire.send = (...frame: Frame) => {
    if (storing > 0) held.push(frame)
    else leave(frame)
  }

  function leave(frame: Frame): void {
    if (!mayAct()) wire.terminate()
    if (wire.readyState === WebSocket.OPEN) write(...frame)
    else refuse(frame)
  }

  return {
    holdUntil(stored) {
      storing += 1
      stored
        .catch(() => wire.terminate())
        .finally(() => {
          storing -= 1
          if (storing === 0) for (const frame of held.splice(0)) leave(frame)
        })
    },
  }
}

/** By a Boom, as Baileys itself refuses what comes too late: any other error that it leaves uncaught ends the process, see
 *  hosts/isolation/attribution.ts. */
function refuse(frame: Frame): void {
  const hear = frame.at(-1)
  if (typeof hear !== 'function') return
  hear(new Boom('the connection was cut', { statusCode: DisconnectReason.connectionClosed }))
}
