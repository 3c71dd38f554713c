/** When each device's sockets were open, as WhatsApp saw it. */
import type { SimulatorEvent } from '../../local/whatsapp/world.ts'

/** A socket that was logged in and is closed. */
export interface SocketEnd {
  readonly account: string
  /** `<server>:<port>` */
  readonly label: string
  readonly fromMs: number
  readonly untilMs: number
  /** A later login took its place. */
  readonly wasReplaced: boolean
}

export interface SocketWatch {
  readonly ends: readonly SocketEnd[]
  hear(event: SimulatorEvent): void
}

export function watchSockets(nowMs: () => number): SocketWatch {
  const open = new Map<string, { readonly fromMs: number; wasReplaced: boolean }>()
  const ends: SocketEnd[] = []
  return {
    ends,
    hear(event) {
      if (event.event === 'misbehaved' || event.account === undefined) return
      const { account, label } = event
      const key = `${account} ${label}`
      const socket = open.get(key)
      if (event.event === 'logged-in') open.set(key, { fromMs: nowMs(), wasReplaced: false })
      else if (event.event === 'conflict' && event.by !== undefined && socket) socket.wasReplaced = true
      else if (event.event === 'closed' && socket) {
        open.delete(key)
        ends.push({ account, label, ...socket, untilMs: nowMs() })
      }
    },
  }
}
