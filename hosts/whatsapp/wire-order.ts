/** Makes Baileys handle WhatsApp's frames and messages in the order of the wire. Baileys breaks that order in
 *  two places. It inflates a compressed frame aside, so the next frame is decoded first. It queues messages
 *  that have waited for the login, while it takes live ones at once. Here its listeners get one frame, and
 *  one message, after the other. */
import type { EventEmitter } from 'node:events'
import type { BinaryNode } from '@whiskeysockets/baileys'
import { type Clock, sleep } from '../../core/clock.ts'

/** A message that is not handled within this no longer holds up the messages behind it. */
export const MESSAGE_MS_MAX = 10_000
/** The most messages that wait for their turn. Beyond it the socket is cut, and WhatsApp keeps the
 *  unacknowledged ones. */
const MESSAGES_MAX = 20_000
/** Other devices of the server get their turn of the event loop after this many messages, or frames. */
const MESSAGES_AT_A_STRETCH = 10
const FRAMES_AT_A_STRETCH = 20
/** The most frames that wait for their turn. Beyond it nothing is read from the wire until they are
 *  handled. */
const FRAMES_WAITING_MAX = 200

interface Readable {
  pause(): void
  resume(): void
}

type Hear = (...told: unknown[]) => unknown
type Step = () => Promise<void>

/** Runs one step after the other. The first step runs at once, in the caller's own turn of the event loop. */
function createLine(between: (steps: number) => Promise<void> | undefined = () => undefined) {
  const steps: Step[] = []
  let isRunning = false
  let done = 0

  async function run(): Promise<void> {
    isRunning = true
    for (let step = steps.shift(); step; step = steps.shift()) {
      await ended(step)
      done += 1
      await between(done)
    }
    isRunning = false
  }
  return {
    length: () => steps.length,
    add(step: Step): void {
      steps.push(step)
      if (!isRunning) void run()
    },
  }
}

/** Begins `work` at once. A rejection stays unhandled, as it would without this file, and is attributed to
 *  the socket.
 *  @returns a promise that resolves when the work has ended, well or not */
function ended(work: () => unknown): Promise<void> {
  const begun = (async () => work())()
  return new Promise((resolve) => void begun.finally(resolve))
}

/** Replaces Baileys' listeners of an event. */
function replaceListeners(ws: EventEmitter, event: string, by: (hear: Hear) => Hear): void {
  for (const hear of ws.listeners(event) as Hear[]) {
    ws.off(event, hear)
    ws.on(event, by(hear))
  }
}

/** Hands Baileys one frame after the other, and the close after the last frame, so that WhatsApp's last words
 *  are heard. If many frames come at once, other devices get their turn in between, and frames that must wait
 *  longer stay in the network.
 *  @param ws of a socket that has received nothing yet
 *  @param wire the WebSocket below it */
export function framesInOrder(
  ws: EventEmitter,
  { clock, wire }: { readonly clock: Clock; readonly wire: Readable },
): void {
  let isPaused = false
  const line = createLine((done) => {
    if (isPaused && line.length() === 0) {
      isPaused = false
      wire.resume()
    }
    return done % FRAMES_AT_A_STRETCH === 0 ? sleep(clock, 0) : undefined
  })
  for (const event of ['message', 'close']) {
    replaceListeners(ws, event, (hear) => {
      const hearInTurn: Hear = (...told) => {
        line.add(async () => {
          // Baileys removes its listeners when its socket is over.
          if (ws.listeners(event).includes(hearInTurn)) await ended(() => hear(...told))
        })
        if (isPaused || line.length() < FRAMES_WAITING_MAX) return
        isPaused = true
        wire.pause()
      }
      return hearInTurn
    })
  }
}

export interface MessageOrder {
  readonly clock: Clock
  readonly isOpen: () => boolean
  /** A message was not handled within `MESSAGE_MS_MAX`, and the next one is begun. */
  readonly heldUp: (waiting: number) => void
  /** Too many messages wait, so the socket has to be cut. */
  readonly overflows: (waiting: number) => void
}

/** Begins each message when the one before it has been handled: kept and acknowledged, or refused.
 *  @param ws of a socket that has received nothing yet */
export function messagesInOrder(ws: EventEmitter, order: MessageOrder): void {
  const { clock, isOpen, heldUp, overflows } = order
  const line = createLine((done) => (done % MESSAGES_AT_A_STRETCH === 0 ? sleep(clock, 0) : undefined))

  async function handle(hear: Hear, stanza: BinaryNode): Promise<void> {
    // The message was not acknowledged, so WhatsApp delivers it again.
    if (!isOpen()) return
    const limit = Promise.withResolvers<void>()
    const timer = clock.startTimer(MESSAGE_MS_MAX, () => {
      heldUp(line.length())
      limit.resolve()
    })
    // With this attribute Baileys would queue it among other kinds of stanzas, and its end could not be
    // awaited.
    delete stanza.attrs.offline
    await Promise.race([ended(() => hear(stanza)), limit.promise])
    timer.cancel()
  }

  replaceListeners(ws, 'CB:message', (hear) => (told) => {
    const stanza = told as BinaryNode
    if (!isOpen()) return
    if (line.length() >= MESSAGES_MAX) overflows(line.length())
    else line.add(() => handle(hear, stanza))
  })
}
