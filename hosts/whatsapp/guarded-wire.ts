/** Decides when a frame may leave a socket: within the lease, and not while credentials are being stored.
 *  Baileys checks neither. */
import { Boom } from '@hapi/boom'
import { DisconnectReason } from '@whiskeysockets/baileys'
import { WebSocket } from 'ws'

/** The arguments of `send`: the bytes, and the callback that hears what became of them. */
type Frame = readonly unknown[]

export interface GuardedWire {
  /** Holds every frame back until the credentials are stored. If they cannot be stored, the wire is cut and
   *  no frame leaves. Baileys answers WhatsApp without waiting for the store. If the process ended in
   *  between, the phone would show a linked device whose credentials nobody has. Or the next socket would
   *  make other pre-keys under ids that WhatsApp has already given to contacts. */
  holdUntil(stored: Promise<void>): void
}

/** Checks the lease for each frame that comes, and again right before a frame leaves. The timer of the fence
 *  is not enough. It stops while a machine sleeps. And a process that was frozen finishes its turn of the
 *  event loop before the timer runs. The socket would act on frames that came during the freeze, and a login
 *  would go on.
 *  @param wire of a socket that has sent nothing yet */
export function guardWire(wire: WebSocket, mayAct: () => boolean): GuardedWire {
  const write = wire.send.bind(wire) as (...frame: Frame) => void
  // Held for a lease at most: outside it nothing is stored, and the wire is cut.
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

/** Refuses with a Boom, as Baileys itself does on a closed socket. Baileys leaves such errors uncaught, and
 *  hosts/isolation/attribution.ts takes any other uncaught error for a fault. */
function refuse(frame: Frame): void {
  const hear = frame.at(-1)
  if (typeof hear !== 'function') return
  hear(new Boom('the connection was cut', { statusCode: DisconnectReason.connectionClosed }))
}
