/** What WhatsApp sends is handled in the order of the wire. Baileys breaks that order in two places: it inflates a compressed
 *  frame aside, so that the next one is decoded before it; and it queues the messages that have waited for a login, while
 *  it takes live ones at once. Here its listeners get one frame, and one message, after the other. */
import type { EventEmitter } from 'node:events'
import type { BinaryNode } from '@whiskeysockets/baileys'
import { type Clock, sleep } from '../../core/clock.ts'

/** A message that is not dealt with by then holds up those behind it no longer. */
export const MESSAGE_MS_MAX = 10_000
/** Messages that wait for their turn: then the socket is cut, and WhatsApp keeps what was not acknowledged. */
const MESSAGES_MAX = 20_000
/** The other devices of the server get their turn of the event loop after so many. */
const MESSAGES_AT_A_STRETCH = 10
const FRAMES_AT_A_STRETCH = 20
/** Frames that wait for their turn: then nothing more is read from the wire until they are dealt with. */
const FRAMES_WAITING_MAX = 200

interface Readable {
  pause(): void
  resume(): void
}

type Hear = (...told: unknown[]) => unknown
type Step = () => Promise<void>

/** One step after the other. The first of them runs at once, in the caller's own turn of the event loop. */
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

/** Begins `work` at once. @returns what resolves when it has ended, well or not. A rejection stays unhandled, as if nobody
 *  stood in between: it is told as the socket's own. */
function ended(work: () => unknown): Promise<void> {
  const begun = (async () => work())()
  return new Promise((resolve) => void begun.finally(resolve))
}

/** Puts other listeners in the place of those that Baileys has for an event. */
function replaceListeners(ws: EventEmitter, event: string, by: (hear: Hear) => Hear): void {
  for (const hear of ws.listeners(event) as Hear[]) {
    ws.off(event, hear)
    ws.on(event, by(hear))
  }
}

/** The close is the last frame's successor: what WhatsApp said before it closed is heard before it. However many frames come at
 *  once, other devices get their turn in between, and what cannot be dealt with yet stays in the network.
 *  @param ws of a socket that has received nothing yet
 *  @param wire below it */
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
          // Baileys takes its listeners away when its socket is over.
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
  /** A message is not dealt with after `MESSAGE_MS_MAX`, and the next one is begun. */
  readonly heldUp: (waiting: number) => void
  /** Too many wait: the socket has to be cut. */
  readonly overflows: (waiting: number) => void
}

/** Each message is begun when the one before it has been dealt with: kept and acknowledged, or refused.
 *  @param ws of a socket that has received nothing yet */
export function messagesInOrder(ws: EventEmitter, order: MessageOrder): void {
  const { clock, isOpen, heldUp, overflows } = order
  const line = createLine((done) => (done % MESSAGES_AT_A_STRETCH === 0 ? sleep(clock, 0) : undefined))

  async function handle(hear: Hear, stanza: BinaryNode): Promise<void> {
    // It was not acknowledged, so that it comes again.
    if (!isOpen()) return
    const limit = Promise.withResolvers<void>()
    const timer = clock.startTimer(MESSAGE_MS_MAX, () => {
      heldUp(line.length())
      limit.resolve()
    })
    // Baileys would queue it with other kinds of stanzas, and its end could not be awaited.
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
