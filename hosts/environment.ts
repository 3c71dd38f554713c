/** The environment variables of a server. main.ts reads them once; one schema validates them. */
import * as z from 'zod'
import { CLIENT_VERSION_FORM, readClientVersion } from '../core/client-version.ts'
import { isForbiddenPort } from '../core/fetch-ports.ts'
import { hasIdForm } from '../core/ids.ts'
import { messagesUrlFault } from '../core/messages-url.ts'
import { serverUrlFault } from '../core/server-url.ts'
import { type ProtocolSettings, settingsOf } from '../core/settings.ts'
import { DEFAULT_BACKOFF } from './device/backoff.ts'
import { STALL_AFTER_MS } from './stalls/stall-watch.ts'

/** A longer timer overflows, and fires at once. */
const TIMER_MS_MAX = 2 ** 31 - 1
const milliseconds = z.coerce.number().int().positive().optional()

/** Refuses a value with the words of `faultOf`. They must show nothing of it, since it may be a secret. */
function refusing(faultOf: (text: string) => string | undefined) {
  return (text: string, context: z.core.$RefinementCtx) => {
    const message = faultOf(text)
    if (message !== undefined) context.addIssue({ code: 'custom', message })
  }
}

const variables = z.object({
  SERVER_NAME: z
    .string()
    .refine(hasIdForm, 'use 1 to 64 of A-Z a-z 0-9 _ . - and begin with a letter or digit')
    .optional(),
  /** A private address: the doorbell rings no other. */
  SERVER_URL: z.string().superRefine(refusing(serverUrlFault)).optional(),
  SERVER_MAX_CAPACITY: z.coerce.number().int().min(1).max(2000).default(400),
  SERVER_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .refine((port) => !isForbiddenPort(port), 'is a port that fetch never connects to: choose another port')
    .default(8080),
  SERVER_LISTEN: z.string().default('0.0.0.0'),
  CONNECTS_PER_SECOND: z.coerce.number().positive().max(1000).default(5),
  /** Below 100 ms a device that WhatsApp refuses would hammer; above an hour it would be forgotten. */
  BACKOFF_BASE_MS: z.coerce.number().int().min(100).max(3_600_000).default(DEFAULT_BACKOFF.baseMs),
  BACKOFF_CAP_MS: z.coerce.number().int().min(100).max(3_600_000).default(DEFAULT_BACKOFF.capMs),
  TABLE_PREFIX: z.string().default('Mooring-'),
  ASSIGN_FUNCTION: z.string().min(1),
  DOORBELL_SECRET: z.string().min(16),
  /** Set by the operator alone: TLS to WhatsApp's own address is what authenticates WhatsApp. */
  WHATSAPP_URL: z.url({ protocol: /^wss?$/ }).optional(),
  /** The version of the WhatsApp client, the same for the whole fleet: WhatsApp refuses old ones (405). The
   *  default is the version of the Baileys package. */
  WHATSAPP_VERSION: z
    .string()
    .transform((text, context) => {
      const version = readClientVersion(text)
      if (version) return version
      context.addIssue({ code: 'custom', message: CLIENT_VERSION_FORM })
      return z.NEVER
    })
    .optional(),
  /** The ARN of the KMS key that wraps the data keys of the auth state. An alias could be pointed elsewhere
   *  unnoticed. */
  AUTH_KEY: z
    .string()
    .regex(
      /^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[A-Za-z0-9-]+$/,
      'is the ARN of a KMS key, not of an alias',
    )
    .optional(),
  /** Without KMS: a file with 32 random bytes in base64 on each line, the newest first. */
  AUTH_KEY_FILE: z.string().min(1).optional(),
  AUTH_DATA_KEY_DAYS: z.coerce.number().int().min(1).max(36_500).default(365),
  PAIRING_TIMEOUT_MS: z.coerce.number().int().min(1000).max(TIMER_MS_MAX).default(600_000),
  /** The application gets every received message there. Without this URL, messages are only counted. */
  MESSAGES_URL: z
    .string()
    .superRefine(refusing((url) => messagesUrlFault(url, ['http:', 'https:'])))
    .optional(),
  /** Signs messages to the application, and its requests to send. Without it nothing can be sent. */
  MESSAGES_SECRET: z.string().min(16).optional(),
  /** Work of a socket that is unanswered for this long is a stall; a login, for 1.4 times as long. With a
   *  larger value a stall would not be noticed within 30 s. */
  STALL_AFTER_MS: z.coerce.number().int().min(1000).max(STALL_AFTER_MS).default(STALL_AFTER_MS),
  HISTORY_SYNC: z.enum(['on', 'off']).default('on'),
  BEAT_EVERY_MS: milliseconds,
  FENCE_AFTER_MS: milliseconds,
  BURY_AFTER_MS: milliseconds,
  /** The ECS task that runs this server, if no task metadata tells it. */
  TASK_ARN: z.string().optional(),
  /** Set by ECS: the endpoint that tells a task about itself. */
  ECS_CONTAINER_METADATA_URI_V4: z.url().optional(),
})

const schema = variables
  .superRefine(({ AUTH_KEY, AUTH_KEY_FILE }, context) => {
    if ((AUTH_KEY === undefined) !== (AUTH_KEY_FILE === undefined)) return
    const both = AUTH_KEY !== undefined
    context.addIssue({
      code: 'custom',
      path: ['AUTH_KEY'],
      message: both
        ? 'set either AUTH_KEY or AUTH_KEY_FILE, not both'
        : 'credentials are stored encrypted only: set AUTH_KEY to the ARN of a KMS key, or AUTH_KEY_FILE to a ' +
          'file that holds `openssl rand -base64 32`, with mode 600',
    })
  })
  .refine(
    ({ MESSAGES_URL, MESSAGES_SECRET }) => MESSAGES_URL === undefined || MESSAGES_SECRET !== undefined,
    {
      path: ['MESSAGES_SECRET'],
      message: 'is needed with MESSAGES_URL: it proves to your application that a message is from here',
    },
  )

/** Every variable that a server reads. */
export const HOST_VARIABLES = Object.keys(variables.shape)

export type HostEnvironment = Omit<
  z.infer<typeof schema>,
  'BEAT_EVERY_MS' | 'FENCE_AFTER_MS' | 'BURY_AFTER_MS'
> & {
  readonly settings: ProtocolSettings
}

/** @throws Error that names each missing or wrong variable, and its proper form */
export function readEnvironment(given: Record<string, string | undefined>): HostEnvironment {
  const read = schema.superRefine(refuseSmallCap).safeParse(given)
  if (!read.success) {
    const faults = read.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`)
    throw new Error(`BAD_ENVIRONMENT: a server cannot start with these variables:\n${faults.join('\n')}`)
  }
  const { BEAT_EVERY_MS, FENCE_AFTER_MS, BURY_AFTER_MS, ...environment } = read.data
  const settings = settingsOf({ BEAT_EVERY_MS, FENCE_AFTER_MS, BURY_AFTER_MS })
  return { ...environment, settings }
}

function refuseSmallCap(read: z.output<typeof schema>, context: z.core.$RefinementCtx): void {
  if (read.BACKOFF_CAP_MS >= read.BACKOFF_BASE_MS) return
  context.addIssue({ code: 'custom', path: ['BACKOFF_CAP_MS'], message: 'is below BACKOFF_BASE_MS' })
}
