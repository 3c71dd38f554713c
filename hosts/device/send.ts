/** Sends a message until WhatsApp has confirmed it, each time under the same id. A failed try may have
 *  arrived anyway, and WhatsApp and the contact's phone drop a message that comes again under an id that they
 *  know. */
import { type Clock, type Mark, sleep } from '../../core/clock.ts'
import { isMooringError, MooringError } from '../../core/errors.ts'
import type { DeviceId } from '../../core/ids.ts'
import type { Random } from '../../core/random.ts'
import { jittered, retry } from '../../core/retry.ts'
import { whyPostponed } from '../whatsapp/send-refusals.ts'
import type { OutgoingText, WhatsAppSocket } from '../whatsapp/socket.ts'

const TRIES_MAX = 4
const BACKOFF = { baseMs: 250, capMs: 2000 }
/** From the call to the answer. Within it a stall is noticed, its socket replaced, and the message
 *  confirmed. */
const SEND_MS_MAX = 45_000
/** The most sends of one device that are not answered yet. */
const SENDS_MAX = 100
/** The most of these to one chat: a chat for which WhatsApp does not answer leaves room for others. */
const SENDS_TO_ONE_CHAT_MAX = 25
/** For this long after a socket was found stalled, sends wait for the socket that replaces it. */
const REPLACED_WITHIN_MS = 30_000

export interface Sending {
  readonly clock: Clock
  readonly random: Random
  readonly socket: Pick<WhatsAppSocket, 'send'>
  /** Aborted when the socket is closed, at the latest with the lease, or when the caller no longer waits. */
  readonly closed: AbortSignal
}

/** Makes one try at a time: the next begins when the one before has ended, however long that takes.
 *  @throws MooringError SEND_REFUSED | NOT_ON_WHATSAPP | SEND_UNCONFIRMED; an unconfirmed message may be sent
 *  again under the same id, on any server */
export async function sendUntilConfirmed(
  { clock, random, socket, closed }: Sending,
  message: OutgoingText,
): Promise<void> {
  const waitMs = jittered(random, BACKOFF)
  return retry(() => orAborted(closed, socket.send(message)), {
    clock,
    waitMs,
    triesMax: TRIES_MAX,
    isFinal: (error) => isMooringError(error),
    mayTry: () => !closed.aborted,
    wake: closed,
    async giveUp(why, error) {
      // The last failure waits as well: if the socket closes meanwhile, the message goes on over the next
      // one.
      if (why === 'limit') await sleep(clock, waitMs(TRIES_MAX), closed)
      throw unconfirmed(message, whyPostponed(error))
    },
  })
}

function unconfirmed({ messageId }: OutgoingText, said = ''): MooringError {
  return new MooringError(
    'SEND_UNCONFIRMED',
    `WhatsApp has not confirmed message ${messageId}${said}: send it again under this messageId, ` +
      'to the server that has the device then',
    { messageId },
  )
}

function orAborted<Result>(signal: AbortSignal, work: Promise<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(new Error('the caller no longer waits for it'))
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort)
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

/** An open socket for sends. */
export interface OpenWay {
  readonly socket: Pick<WhatsAppSocket, 'send'>
  /** Aborted when the socket is closed. */
  readonly closed: AbortSignal
}

/** The sends of one device, over one socket after the other. */
export interface Outgoing {
  /** @throws MooringError DEVICE_NOT_CONNECTED | SEND_QUEUE_FULL | SEND_REFUSED | SEND_UNCONFIRMED */
  send(message: OutgoingText): Promise<void>
  /** From now on sends go this way, including those that have waited. */
  opened(way: OpenWay): void
  /** The socket is about to be replaced: sends that come meanwhile wait for the next one. */
  replacing(): void
  /** Ends every waiting send: the device belongs to another server, or this server may not act. */
  giveUp(): void
}

export interface OutgoingParts {
  readonly clock: Clock
  readonly random: Random
  readonly device: DeviceId
}

export function createOutgoing({ clock, random, device }: OutgoingParts): Outgoing {
  const chats = new Map<string, number>()
  const waiting = new Set<() => void>()
  let sends = 0
  let way: OpenWay | undefined
  let replacedSince: Mark | undefined
  let gaveUp = new AbortController()

  const isOpen = () => way !== undefined && !way.closed.aborted
  const isReplaced = () => replacedSince !== undefined && clock.elapsedMs(replacedSince) < REPLACED_WITHIN_MS
  const wake = () => {
    for (const look of [...waiting]) look()
  }

  /** @returns undefined when `until` is aborted before a socket is open */
  function nextWay(until: AbortSignal): Promise<OpenWay | undefined> {
    return new Promise((resolve) => {
      const look = () => {
        if (!isOpen() && !until.aborted) return
        waiting.delete(look)
        until.removeEventListener('abort', look)
        resolve(until.aborted ? undefined : way)
      }
      waiting.add(look)
      until.addEventListener('abort', look)
      look()
    })
  }

  function assertRoom({ to }: OutgoingText): void {
    const toChat = chats.get(to) ?? 0
    if (sends < SENDS_MAX && toChat < SENDS_TO_ONE_CHAT_MAX) return
    const held =
      sends < SENDS_MAX ? `${toChat} messages to this chat` : `${sends} messages of device "${device}"`
    throw new MooringError(
      'SEND_QUEUE_FULL',
      `${held} wait for WhatsApp's answer: send it again in some seconds`,
    )
  }

  async function sendOverSockets(message: OutgoingText, until: AbortSignal): Promise<void> {
    for (;;) {
      const open = await nextWay(until)
      if (!open) throw unconfirmed(message)
      const closed = AbortSignal.any([open.closed, until])
      try {
        return await sendUntilConfirmed({ clock, random, socket: open.socket, closed }, message)
      } catch (error) {
        // The socket is gone, so the message may go on over the next one.
        if (!isMooringError(error, 'SEND_UNCONFIRMED') || !open.closed.aborted || until.aborted) throw error
      }
    }
  }

  async function withinLimit(message: OutgoingText): Promise<void> {
    const limit = new AbortController()
    const timer = clock.startTimer(SEND_MS_MAX, () => limit.abort())
    try {
      await sendOverSockets(message, AbortSignal.any([limit.signal, gaveUp.signal]))
    } finally {
      timer.cancel()
    }
  }

  return {
    async send(message) {
      if (!isOpen() && !isReplaced()) {
        throw new MooringError(
          'DEVICE_NOT_CONNECTED',
          `device "${device}" has no socket at the moment; GET /devices/${device} at the API explains why`,
        )
      }
      assertRoom(message)
      const { to } = message
      sends += 1
      chats.set(to, (chats.get(to) ?? 0) + 1)
      try {
        await withinLimit(message)
      } finally {
        sends -= 1
        const left = (chats.get(to) ?? 1) - 1
        if (left > 0) chats.set(to, left)
        else chats.delete(to)
      }
    },
    opened(opened) {
      way = opened
      replacedSince = undefined
      wake()
    },
    replacing() {
      replacedSince = clock.mark()
    },
    giveUp() {
      replacedSince = undefined
      gaveUp.abort()
      gaveUp = new AbortController()
    },
  }
}
