/** The bodies of requests to the HTTP control. Unknown fields are refused, except in the request with a
 *  QR. */
import type { BinaryNode } from '@whiskeysockets/baileys'
import { z } from 'zod'
import { ADDRESSINGS } from './addressing.ts'
import { BREAKS } from './breaks.ts'
import { GROUP_CHANGES } from './groups.ts'
import { LOGIN_PHASES } from './misdeeds.ts'

/** A day. */
const MS_MAX = 86_400_000
const DAMAGES_MAX = 10_000

const number = z.string().min(1)
const ms = z.int().min(0).max(MS_MAX)
const whole = z.int().min(0)
/** A code is text on the wire; the control also takes a number. */
const codeText = z.union([z.string(), z.number()]).transform(String)

/** The answer of Mooring's API about a QR can be sent here unchanged, so unknown fields are allowed. */
export const scan = z.object({ qr: z.string().min(1), phoneNumber: z.string().optional() })
export const code = z.strictObject({ phoneNumber: z.string().min(1), code: z.string().min(1) })
export const text = z.strictObject({ from: z.string().optional(), text: z.string().min(1) })
export const breakBody = z.strictObject({ how: z.preprocess(String, z.enum(BREAKS)) })

export const texts = z.strictObject({
  texts: z.array(z.string().min(1)).min(1).max(1000),
  from: number.optional(),
  to: number.optional(),
  addressing: z.enum(ADDRESSINGS).optional(),
  alternate: z.boolean().optional(),
  copies: z.int().min(1).max(10).optional(),
  delayMs: ms.optional(),
  order: z.array(whole).optional(),
})

export const askAgain = z.strictObject({
  id: z.string().min(1),
  from: number.optional(),
  group: z.string().optional(),
  byLid: z.boolean().optional(),
  count: z.int().min(1).optional(),
  afterMs: ms.optional(),
})

const damageOptions = z.strictObject({
  seed: whole,
  count: z.int().min(1).max(DAMAGES_MAX),
  from: whole.optional(),
  only: z.string().optional(),
  ending: z.boolean().optional(),
})
export const damage = damageOptions.extend({ everyMs: ms.optional(), probeMs: ms.optional() })

type JsonStanza = {
  tag: string
  attrs?: Record<string, string> | undefined
  content?: string | { base64: string } | JsonStanza[] | undefined
}
const jsonStanza: z.ZodType<JsonStanza> = z.lazy(() =>
  z.strictObject({
    tag: z.string().min(1),
    attrs: z.record(z.string(), z.string()).optional(),
    content: z.union([z.string(), z.strictObject({ base64: z.base64() }), z.array(jsonStanza)]).optional(),
  }),
)
/** Bytes are written as `{"base64": "..."}`. */
export const rawStanza = z.strictObject({
  stanza: jsonStanza.transform(stanzaOf),
  end: z.boolean().optional(),
})

function stanzaOf({ tag, attrs = {}, content }: JsonStanza): BinaryNode {
  if (content === undefined) return { tag, attrs }
  if (Array.isArray(content)) return { tag, attrs, content: content.map(stanzaOf) }
  return {
    tag,
    attrs,
    content: typeof content === 'string' ? content : Buffer.from(content.base64, 'base64'),
  }
}

const late = z.strictObject({ afterMs: ms })
const held = z.enum(['never', 'when-lifted'])
const refused = z.strictObject({ error: z.int(), text: z.string().optional() })
const misdeed = z.discriminatedUnion('what', [
  z.strictObject({
    what: z.literal('refuse-login'),
    reason: codeText.optional(),
    attrs: z.record(z.string(), codeText).optional(),
    tag: z.string().min(1).optional(),
    children: z.array(z.string().min(1)).optional(),
    conflict: z.string().min(1).optional(),
  }),
  z.strictObject({ what: z.literal('outdated'), below: z.string().regex(/^\d+\.\d+\.\d+$/) }),
  z.strictObject({
    what: z.literal('query'),
    kind: z.string().min(1),
    about: number.optional(),
    answer: z.union([held, late, refused, z.strictObject({ damaged: whole })]),
  }),
  z.strictObject({
    what: z.literal('ack'),
    to: number.optional(),
    answer: z.union([held, late, refused]),
    taken: z.boolean().optional(),
  }),
  z.strictObject({ what: z.literal('receipt'), from: number.optional(), answer: z.union([held, late]) }),
  z.strictObject({ what: z.literal('not-on-whatsapp'), number }),
  z.strictObject({ what: z.literal('login-damage'), phase: z.enum(LOGIN_PHASES), damage: damageOptions }),
  z.strictObject({
    what: z.literal('offline-batch'),
    liveAtOnce: z.boolean().optional(),
    holdMs: ms.optional(),
    pauseMs: ms.optional(),
  }),
  z.strictObject({ what: z.literal('silence') }),
])
export const misbehave = z.strictObject({
  misdeed,
  times: z.int().min(1).optional(),
  forMs: ms.optional(),
})

export const newGroup = z.strictObject({
  subject: z.string().min(1),
  members: z.array(number).min(1),
  addressing: z.enum(ADDRESSINGS).optional(),
})
export const members = z.strictObject({
  change: z.enum(GROUP_CHANGES),
  members: z.array(number).min(1),
  by: number.optional(),
})
export const groupText = z.strictObject({
  text: z.string().min(1),
  from: number,
  alternate: z.boolean().optional(),
})
