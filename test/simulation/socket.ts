/** The server's end of a connection to WhatsApp, behind the same interface as Baileys. The process must
 *  run at each step of the handshake. The socket pairs by QR or code, saves credentials, and uses the
 *  session keys while it is open. */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { EventEmitter } from 'node:events'
import type { DeviceId, Epoch } from '../../core/ids.ts'
import type { Account } from '../../core/store/device-row.ts'
import type { OpenSocket, WhatsAppSocket } from '../../hosts/whatsapp/socket.ts'
import { CONTACTS, type SimulatedAuth } from './auth.ts'
import type { Process } from './process.ts'
import type { Trace } from './trace.ts'
import type { Weather } from './weather.ts'
import type { WhatsApp, Wire } from './whatsapp.ts'

const CONNECT_MS_MAX = 20_000
const QR_MS_MAX = 60_000
const KEEP_ALIVE_MS = 25_000
const CLOSE_MS_MAX = 1000
const MESSAGE_MS = [2000, 12_000] as const

/** A poisoned device ends its server this soon after its login. */
const POISON_MS = [0, 300] as const

export interface SocketParts {
  readonly whatsapp: WhatsApp
  readonly weather: Weather
  readonly trace: Trace
  readonly nowMs: () => number
  opened(wire: Wire): void
  /** Judges the effect of an error in this socket on the other sockets of its process. */
  damaged(wire: Wire, strike: () => void): void
  poisoned(device: DeviceId): void
  /** Hears the errors that nobody caught, as the real process does. */
  readonly errors: EventEmitter
}

export function simulatedSockets(process: Process, parts: SocketParts): OpenSocket {
  const { whatsapp, weather, trace } = parts
  const { clock, chance } = process

  return ({ device, server, auth: given, events }): WhatsAppSocket => {
    const auth = given as unknown as SimulatedAuth
    const { creds } = auth
    // Frames of a connection run in the context in which the connection was made.
    const inContext = AsyncLocalStorage.snapshot()
    const account = (): Account => ({ jid: `${creds.identity}@s.whatsapp.net` })
    let pairing = false
    let isClosing = false

    const over = (code: number, reason: string) => {
      if (!wire.isOpenHere) return
      wire.isOpenHere = false
      trace.say(process.name, `socket of ${device} closed: ${code} ${reason}`)
      events.closed(code, reason)
    }
    const cut = (reason: string) => {
      if (wire.isOpenHere) whatsapp.goodbye(wire, () => undefined)
      over(0, reason)
    }
    const save = () => auth.saveCreds().catch(() => cut('the credentials could not be saved'))

    function login(): void {
      const trap = weather.sprung('login')
      if (trap) trace.say(process.name, `trap: login ${trap.hits}`)
      if (trap?.hits === 'killed-before') process.end()
      if (trap?.hits === 'frozen-before')
        process.freeze(trap.forMs, trap.how === 'stopped' ? 'machine' : trap.how)
      whatsapp.login(wire)
      keepAlive()
      if (trap?.hits === 'frozen-after') process.freeze(trap.forMs, trap.how)
      if (trap?.hits === 'killed-after') process.end()
    }

    const wire: Wire = {
      process,
      device,
      server,
      epoch: auth.epoch as Epoch,
      identity: creds.identity,
      openedAtMs: parts.nowMs(),
      isOpenHere: true,
      isOpenThere: false,
      loginWasLate: false,
      toServer: {
        hello() {
          if (isClosing) return
          if (creds.account) return login()
          pairing = true
          clock.startTimer(QR_MS_MAX, () => pairing && over(408, 'QR refs attempts ended'))
          events.qr(`qr-of-${device}`, QR_MS_MAX)
          whatsapp.offer(wire)
        },
        paired() {
          if (!pairing) return
          pairing = false
          creds.me = account().jid
          creds.account = account().jid
          // No frame leaves while credentials are being stored: see hosts/whatsapp/guarded-wire.ts.
          void save().then(() => wire.isOpenHere && whatsapp.acceptPairing(wire))
          events.paired(account())
        },
        open() {
          void save()
          events.open(account())
          void useKeys()
          if (weather.isPoisoned(device)) clock.startTimer(chance.within(POISON_MS), poison)
        },
        closed: over,
        damaged: () =>
          parts.damaged(wire, () =>
            inContext(() => parts.errors.emit('uncaughtException', new RangeError('a damaged stanza'))),
          ),
      },
    }

    function poison(): void {
      if (!wire.isOpenHere || weather.isCalm()) return
      trace.say(process.name, `ends by ${device}`)
      parts.poisoned(device)
      process.end(true)
    }

    /** Messages come in, and each advances a session. */
    async function useKeys(): Promise<void> {
      while (wire.isOpenHere) {
        try {
          await auth.useSession(chance.whole(0, CONTACTS - 1))
          if (chance.happens(300)) void save()
        } catch {
          // The write was refused or failed, so the message waits at WhatsApp.
        }
        await new Promise<void>((resolve) => void clock.startTimer(chance.within(MESSAGE_MS), resolve))
      }
    }

    function keepAlive(): void {
      clock.startTimer(KEEP_ALIVE_MS, () => {
        if (!wire.isOpenHere) return
        if (whatsapp.isGone(wire)) return over(408, 'Connection was lost')
        keepAlive()
      })
    }

    parts.opened(wire)
    trace.say(process.name, `opens a socket for ${device} under epoch ${auth.epoch}`)
    whatsapp.connect(wire)
    clock.startTimer(CONNECT_MS_MAX, () => {
      if (!wire.isOpenThere && !pairing) over(408, 'WebSocket Error (Opening handshake has timed out)')
    })

    return {
      async send() {},
      async requestPairingCode() {
        creds.me = account().jid
        await save()
        return 'ABCD-1234'
      },
      async logout() {
        whatsapp.unlink(wire)
      },
      close: () =>
        new Promise<void>((resolve) => {
          isClosing = true
          const gone = () => {
            late.cancel()
            over(0, 'closed by this server')
            resolve()
          }
          const late = clock.startTimer(CLOSE_MS_MAX, gone)
          whatsapp.goodbye(wire, gone)
        }),
      cut: () => cut('cut by this server'),
    }
  }
}
