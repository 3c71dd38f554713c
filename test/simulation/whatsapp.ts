/** The simulated WhatsApp. It knows which credentials are linked, and who holds a socket with them at every
 *  instant. The last login wins: it replaces the socket before it, which hears 440. */
import type { DeviceId, Epoch, ServerId } from '../../core/ids.ts'
import { chance } from './chance.ts'
import type { Process } from './process.ts'
import type { Scheduler } from './scheduler.ts'
import type { Trace } from './trace.ts'
import type { Weather } from './weather.ts'

/** A connection, as both of its ends see it. */
export interface Wire {
  readonly process: Process
  readonly device: DeviceId
  readonly server: ServerId
  readonly epoch: Epoch
  readonly identity: string
  readonly openedAtMs: number
  /** The server has neither closed nor cut it. A process that is gone holds nothing. */
  isOpenHere: boolean
  /** WhatsApp counts it as connected. */
  isOpenThere: boolean
  /** Its login left late: when its frozen machine went on, or before it noticed that it had slept. See the
   *  known residue. */
  loginWasLate: boolean
  readonly toServer: WireEvents
}

export interface WireEvents {
  hello(): void
  open(): void
  paired(): void
  closed(code: number, reason: string): void
  /** Something on which the socket fails. */
  damaged(): void
}

/** A login found another socket of the same credentials. */
export interface Replaced {
  readonly older: Wire
  readonly by: Wire
}

/** Hears of facts that cannot be undone. */
export interface Witness {
  replaced(event: Replaced): void
  /** From now on the phone shows a linked device. */
  linked(wire: Wire): void
}

export interface WhatsApp {
  connect(wire: Wire): void
  login(wire: Wire): void
  /** The phone will scan the QR, or type the code, in a while. */
  offer(wire: Wire): void
  acceptPairing(wire: Wire): void
  unlink(wire: Wire): void
  /** The connection is gone at the server's end, with or without a word. */
  goodbye(wire: Wire, told: () => void): void
  /** Whether this end would find, on asking, that the other end is gone. */
  isGone(wire: Wire): boolean
  /** WhatsApp closes the device's socket. */
  close(device: DeviceId, code: number): void
  /** Sends something on which the device's socket fails. */
  damage(device: DeviceId): void
  /** A client outside the fleet logs in with the device's credentials. */
  foreignLogin(device: DeviceId): void
  isLinked(identity: string): boolean
  holderOf(device: DeviceId): Wire | undefined
}

const WAY_MS = [15, 120] as const
const SLOW_WAY_MS = [120, 1000] as const
const PHONE_MS = [1500, 6000] as const
const REASONS: Readonly<Record<number, string>> = {
  401: 'Stream Errored (conflict)',
  440: 'Stream Errored (conflict)',
  515: 'Stream Errored (restart required)',
}

export function createWhatsApp(
  seed: number,
  scheduler: Scheduler,
  weather: Weather,
  trace: Trace,
  witness: Witness,
): WhatsApp {
  const draw = chance(seed, 'whatsapp')
  const linked = new Set<string>()
  const holders = new Map<string, Wire>()
  /** Bytes that left earlier on a connection arrive earlier. */
  const latest = new WeakMap<Wire, { there: number; here: number }>()

  function arrivalOf(wire: Wire, way: 'there' | 'here'): number {
    const at = latest.get(wire) ?? { there: 0, here: 0 }
    const slow = !weather.isCalm() && draw.happens(50)
    at[way] = Math.max(at[way] + 1, scheduler.now() + draw.within(slow ? SLOW_WAY_MS : WAY_MS))
    latest.set(wire, at)
    return at[way]
  }

  /** From the server to WhatsApp. */
  function send(wire: Wire, arrive: () => void): void {
    wire.process.send(() => depart(wire, arrive))
  }

  function depart(wire: Wire, arrive: () => void): void {
    if (!wire.process.cut.whatsapp) scheduler.at(arrivalOf(wire, 'there'), arrive)
  }

  /** From WhatsApp to the server. */
  function tell(wire: Wire, arrive: () => void): void {
    scheduler.at(arrivalOf(wire, 'here'), () => {
      if (!wire.isOpenHere || !wire.process.isAlive()) return
      // TCP sends it again until it arrives or this end gives up.
      if (wire.process.cut.whatsapp) tell(wire, arrive)
      else
        wire.process.deliver(() => {
          if (wire.isOpenHere) arrive()
        })
    })
  }

  function drop(wire: Wire, code: number): void {
    wire.isOpenThere = false
    if (holders.get(wire.identity) === wire) holders.delete(wire.identity)
    tell(wire, () => wire.toServer.closed(code, REASONS[code] ?? `closed by WhatsApp (${code})`))
  }

  function loggedIn(wire: Wire): void {
    if (!linked.has(wire.identity)) {
      drop(wire, 401)
      return
    }
    const older = holders.get(wire.identity)
    if (older) {
      witness.replaced({ older, by: wire })
      drop(older, 440)
    }
    holders.delete(wire.identity)
    holders.set(wire.identity, wire)
    wire.isOpenThere = true
    trace.say('whatsapp', `${wire.device} logged in by ${wire.server} under epoch ${wire.epoch}`)
    tell(wire, () => wire.toServer.open())
  }

  function holderOf(device: DeviceId): Wire | undefined {
    // The last login counts: a machine that is gone may still count under credentials that were set aside
    // since.
    return [...holders.values()].findLast((wire) => wire.device === device)
  }

  return {
    connect(wire) {
      send(wire, () => tell(wire, () => wire.toServer.hello()))
      wire.process.onEnd.add(() => {
        // The kernel of a killed process resets its connections. A machine that is gone resets nothing.
        if (wire.process.cut.whatsapp) return
        scheduler.at(arrivalOf(wire, 'there'), () => {
          wire.isOpenThere = false
          if (holders.get(wire.identity) === wire) holders.delete(wire.identity)
        })
      })
    },
    login(wire) {
      wire.process.send((wasHeld) => {
        wire.loginWasLate = wasHeld || wire.process.hasJustSlept()
        depart(wire, () => loggedIn(wire))
      })
    },
    offer(wire) {
      if (!weather.isCalm() && draw.happens(200)) return
      scheduler.after(draw.within(PHONE_MS), () => tell(wire, () => wire.toServer.paired()))
    },
    acceptPairing(wire) {
      send(wire, () => {
        linked.add(wire.identity)
        witness.linked(wire)
        trace.say('whatsapp', `${wire.device} is linked, by ${wire.server} under epoch ${wire.epoch}`)
        drop(wire, 515)
      })
    },
    unlink(wire) {
      send(wire, () => {
        linked.delete(wire.identity)
        drop(wire, 401)
      })
    },
    goodbye(wire, told) {
      send(wire, () => {
        wire.isOpenThere = false
        if (holders.get(wire.identity) === wire) holders.delete(wire.identity)
        scheduler.at(arrivalOf(wire, 'here'), () => {
          if (!wire.process.cut.whatsapp) wire.process.deliver(told)
        })
      })
    },
    isGone: (wire) => wire.process.cut.whatsapp || !wire.isOpenThere,
    close(device, code) {
      const wire = holderOf(device)
      if (!wire) return
      if (code === 401) linked.delete(wire.identity)
      trace.say('whatsapp', `closes ${device} with ${code}`)
      drop(wire, code)
    },
    damage(device) {
      const wire = holderOf(device)
      if (!wire) return
      trace.say('whatsapp', `sends ${device} something damaged`)
      tell(wire, () => wire.toServer.damaged())
    },
    foreignLogin(device) {
      const wire = holderOf(device)
      if (!wire) return
      trace.say('whatsapp', `a client outside the fleet logs in as ${device}`)
      drop(wire, 440)
    },
    isLinked: (identity) => linked.has(identity),
    holderOf,
  }
}
