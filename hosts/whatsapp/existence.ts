/** Whether a number is on WhatsApp, before it is written to: WhatsApp takes a message to nobody and confirms it. */
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

/** When WhatsApp has not answered by then, sending goes on: its confirmation has a limit of its own. */
const ANSWER_MS_MAX = 5000
/** A number that is on WhatsApp stays there for the time being. */
const PRESENT_KEPT_MS = 24 * 3_600_000
/** Somebody may join at any time. */
const ABSENT_KEPT_MS = 600_000
const NUMBERS_KEPT_MAX = 20_000

type Asked = Pick<WASocket, 'executeUSyncQuery'>

interface Question {
  readonly answer: Promise<boolean | undefined>
  readonly since: Mark
}

/** A device that WhatsApp has restricted is told that nobody is there: this is true for no other device. */
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
  /** Only phone numbers are asked about: who is named by a LID or a group has been met on WhatsApp.
   *  @throws MooringError NOT_ON_WHATSAPP when WhatsApp says so; not when it does not answer in time, or not clearly */
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

  /** One question for all messages of the socket; an answer that comes late serves the next message. */
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

  /** The limit counts from the question: who sends again does not wait for the same answer again. */
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

/** @returns undefined when the answer does not say. Baileys gives back nothing for a question that was never answered: that
 *  is no answer, and least of all that nobody is there. */
async function isOnWhatsApp(sock: Asked, jid: string): Promise<boolean | undefined> {
  const number = jid.slice(0, jid.search(/[:@]/))
  const contact = new USyncQuery().withContactProtocol().withUser(new USyncUser().withPhone(`+${number}`))
  const answer = await sock.executeUSyncQuery(contact)
  if (!answer) return undefined
  const isThere: unknown = answer.list[0]?.contact
  if (typeof isThere === 'boolean') return isThere
  // Not the answer that was asked for. A number on WhatsApp has at least the device that is its phone.
  const user = new USyncUser().withId(`${number}@s.whatsapp.net`)
  const listed = await sock.executeUSyncQuery(
    new USyncQuery().withContext('message').withDeviceProtocol().withUser(user),
  )
  if (!listed) return undefined
  const devices = listed.list[0]?.devices as ParsedDeviceInfo | undefined
  return (devices?.deviceList ?? []).length > 0
}
