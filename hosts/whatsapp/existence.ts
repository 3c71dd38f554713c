/** Checks that a number is on WhatsApp before a message is sent to it. WhatsApp accepts and confirms a
 *  message to a number that nobody has. */
import {
  isPnUser,
  type ParsedDeviceInfo,
  USyncQuery,
  USyncUser,
  type WASocket,
} from '@whiskeysockets/baileys'
import { type Clock, type Mark, sleep } from '../../core/clock.ts'
import { MooringError } from '../../core/errors.ts'
import { jidOf } from './jid.ts'
import type { OutgoingText } from './socket.ts'

/** If WhatsApp has not answered within this, the message is sent. Its confirmation has a limit of its own. */
const ANSWER_MS_MAX = 5000
/** A number that is on WhatsApp seldom leaves it. */
const PRESENT_KEPT_MS = 24 * 3_600_000
/** The owner of a number may join WhatsApp at any time. */
const ABSENT_KEPT_MS = 600_000
const NUMBERS_KEPT_MAX = 20_000

type Asked = Pick<WASocket, 'executeUSyncQuery'>

interface Question {
  readonly answer: Promise<boolean | undefined>
  readonly since: Mark
}

/** WhatsApp tells a restricted device that a number is not there, although it is. So absence is kept for each
 *  socket apart. */
interface OfSocket {
  readonly absent: Memory
  readonly underWay: Map<string, Question>
}

interface Memory {
  has(jid: string): boolean
  add(jid: string): void
}

function createMemory(clock: Clock, keptMs: number): Memory {
  /** The oldest first. */
  const known = new Map<string, Mark>()
  return {
    has(jid) {
      const since = known.get(jid)
      if (since === undefined) return false
      if (clock.elapsedMs(since) < keptMs) return true
      known.delete(jid)
      return false
    },
    add(jid) {
      known.delete(jid)
      known.set(jid, clock.mark())
      const [oldest] = known.keys()
      if (known.size > NUMBERS_KEPT_MAX && oldest !== undefined) known.delete(oldest)
    },
  }
}

export interface ExistenceCheck {
  /** Asks about phone numbers alone: a LID or a group can only come from WhatsApp itself.
   *  @throws MooringError NOT_ON_WHATSAPP when WhatsApp says so, but not when it answers late or unclearly */
  refuseUnknown(sock: Asked, message: OutgoingText): Promise<void>
}

export function createExistenceCheck(clock: Clock): ExistenceCheck {
  const present = createMemory(clock, PRESENT_KEPT_MS)
  const ofSocket = new WeakMap<Asked, OfSocket>()

  function own(sock: Asked): OfSocket {
    const known = ofSocket.get(sock) ?? { absent: createMemory(clock, ABSENT_KEPT_MS), underWay: new Map() }
    ofSocket.set(sock, known)
    return known
  }

  function recall(sock: Asked, jid: string): boolean | undefined {
    if (present.has(jid)) return true
    return own(sock).absent.has(jid) ? false : undefined
  }

  function remember(sock: Asked, jid: string, isThere: boolean): void {
    if (isThere) present.add(jid)
    else own(sock).absent.add(jid)
  }

  /** All messages of the socket share one question. A late answer serves the next message. */
  function question(sock: Asked, jid: string): Question {
    const { underWay } = own(sock)
    const asked = underWay.get(jid)
    if (asked) return asked
    const answer = isOnWhatsApp(sock, jid)
      .catch(() => undefined)
      .then((isThere) => {
        underWay.delete(jid)
        if (isThere !== undefined) remember(sock, jid, isThere)
        return isThere
      })
    const begun = { answer, since: clock.mark() }
    underWay.set(jid, begun)
    return begun
  }

  /** The limit counts from the question, so a second message does not wait for the same answer all over. */
  async function ask(sock: Asked, jid: string): Promise<boolean | undefined> {
    const { answer, since } = question(sock, jid)
    const answered = new AbortController()
    const late = sleep(clock, Math.max(0, ANSWER_MS_MAX - clock.elapsedMs(since)), answered.signal)
    const isThere = await Promise.race([answer, late.then(() => undefined)])
    answered.abort()
    return isThere
  }

  return {
    async refuseUnknown(sock, { to, messageId }) {
      const jid = jidOf(to)
      if (!isPnUser(jid)) return
      if ((recall(sock, jid) ?? (await ask(sock, jid))) !== false) return
      throw new MooringError(
        'NOT_ON_WHATSAPP',
        `message ${messageId} is not sent: its recipient's number is not on WhatsApp`,
        { messageId },
      )
    },
  }
}

/** @returns undefined when WhatsApp has not said. Baileys returns nothing for a question that was never
 *  answered, which must not be taken for absence */
async function isOnWhatsApp(sock: Asked, jid: string): Promise<boolean | undefined> {
  const number = jid.slice(0, jid.search(/[:@]/))
  const contact = new USyncQuery().withContactProtocol().withUser(new USyncUser().withPhone(`+${number}`))
  const answer = await sock.executeUSyncQuery(contact)
  if (!answer) return undefined
  const isThere: unknown = answer.list[0]?.contact
  if (typeof isThere === 'boolean') return isThere
  // The answer lacks what was asked for, so the devices are asked for: a number on WhatsApp has at least its
  // phone.
  const user = new USyncUser().withId(`${number}@s.whatsapp.net`)
  const listed = await sock.executeUSyncQuery(
    new USyncQuery().withContext('message').withDeviceProtocol().withUser(user),
  )
  if (!listed) return undefined
  const devices = listed.list[0]?.devices as ParsedDeviceInfo | undefined
  return (devices?.deviceList ?? []).length > 0
}
