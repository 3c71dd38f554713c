/** The options of the stack: `context.mooring` in cdk.json, or `-c mooring='{"maximumServers": 20}'`. Every
 *  option has a default that works, and an unknown option is refused. */
import * as z from 'zod'
import { CLIENT_VERSION_FORM, readClientVersion } from '../core/client-version.ts'
import { messagesUrlFault } from '../core/messages-url.ts'
import { protocolSettings } from '../core/settings.ts'

/** Fargate accepts only these pairs:
 *  https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html */
const MEMORY_MIB_BY_CPU: Readonly<Record<number, readonly [least: number, most: number]>> = {
  256: [512, 2048],
  512: [1024, 4096],
  1024: [2048, 8192],
  2048: [4096, 16_384],
  4096: [8192, 30_720],
}

/** The retentions that CloudWatch Logs offers. */
const RETENTION_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 3653,
] as const

/** The ARN of a key, never of an alias: an alias can be pointed to another key unnoticed. */
const kmsKeyArn = z.string().regex(/^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key\/[A-Za-z0-9-]+$/)

const configuration = z
  .strictObject({
    stackName: z
      .string()
      .regex(/^[A-Za-z][A-Za-z0-9-]{0,40}$/)
      .default('Mooring')
      .describe(
        'The name of the stack and the prefix of its tables. Two fleets in one region need two names.',
      ),
    capacityPerServer: z.int().min(1).max(2000).default(400).describe('The most devices of one server.'),
    minimumServers: z.int().min(1).max(1000).default(2).describe('The number of servers that always run.'),
    maximumServers: z
      .int()
      .min(1)
      .max(1000)
      .default(10)
      .describe('The most servers that may run: the limit of scaling, and of the bill.'),
    targetUtilisationPercent: z
      .int()
      .min(10)
      .max(90)
      .default(70)
      .describe('Servers are added while load / capacity of the fleet is above this.'),
    scaleOutCoolDownSeconds: z
      .int()
      .min(30)
      .max(3600)
      .default(120)
      .describe('When devices wait without room, the sweep adds servers at most once in this time.'),
    scaleInCoolDownSeconds: z
      .int()
      .min(60)
      .max(86_400)
      .default(600)
      .describe('The sweep drains an idle server at most once in this time.'),
    taskCpuUnits: z.int().default(512).describe('The CPU of a server: 1024 units are one vCPU.'),
    taskMemoryMiB: z
      .int()
      .multipleOf(512)
      .default(2048)
      .describe('The memory of a server. A server with 500 idle sockets was measured at 417 MB.'),
    connectsPerSecond: z
      .number()
      .positive()
      .max(1000)
      .default(5)
      .describe('The most connects per second of one server.'),
    fleetConnectsPerSecond: z
      .number()
      .positive()
      .max(100_000)
      .default(50)
      .describe('The most connects per second of all servers together; each gets a share.'),
    backoffBaseMs: z
      .int()
      .min(100)
      .max(3_600_000)
      .default(1000)
      .describe('A lost socket is tried again within this time; each failure doubles it.'),
    backoffCapMs: z
      .int()
      .min(100)
      .max(3_600_000)
      .default(60_000)
      .describe('The longest wait between two tries of one device.'),
    rebalancing: z
      .boolean()
      .default(true)
      .describe('Whether the sweep moves devices from fuller to emptier servers.'),
    rebalanceBandPercent: z
      .number()
      .min(1)
      .max(100)
      .default(10)
      .describe('The fullest server may be fuller than the emptiest by this much of the capacity.'),
    rebalanceShareOfFleetPercent: z
      .number()
      .min(0.01)
      .max(100)
      .default(1)
      .describe('The part of all devices that rebalancing may move within ten minutes; at least one device.'),
    rebalanceInFlightPerServer: z
      .int()
      .min(1)
      .max(100)
      .default(4)
      .describe('The most devices that rebalancing moves from or to one server at the same time.'),
    historySync: z
      .boolean()
      .default(true)
      .describe('Whether a newly linked device receives its message history.'),
    whatsappVersion: z
      .string()
      .refine((text) => readClientVersion(text) !== undefined, CLIENT_VERSION_FORM)
      .optional()
      .describe('The version of the WhatsApp client, such as 2.3000.1027934701: see Refusals.'),
    network: z
      .enum(['public', 'private'])
      .default('public')
      .describe(
        '`public`: servers have public addresses but no open port, and no NAT. `private`: a NAT gateway for each zone.',
      ),
    pairingTimeoutMinutes: z
      .int()
      .min(1)
      .max(10_080)
      .default(10)
      .describe('A device that nobody links within this time is stopped; start it to try again.'),
    authKey: kmsKeyArn
      .optional()
      .describe('The ARN of your own KMS key that wraps data keys, in place of the key of the stack.'),
    formerAuthKeys: z
      .array(kmsKeyArn)
      .max(5)
      .optional()
      .describe('The ARNs of former values of authKey: stored data keys may still be wrapped with them.'),
    authDataKeyDays: z
      .int()
      .min(1)
      .max(36_500)
      .default(365)
      .describe('A data key that is older than this gets a successor.'),
    messagesUrl: z
      .string()
      .superRefine((url, context) => {
        const message = messagesUrlFault(url, ['https:'])
        if (message !== undefined) context.addIssue({ code: 'custom', message })
      })
      .optional()
      .describe('The URL of your application, which gets every message that a device receives.'),
    messagesSecretArn: z
      .string()
      .regex(/^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]+-\w{6}$/)
      .optional()
      .describe(
        'The ARN of the secret (16 characters or more) that signs messages to and from your application.',
      ),
    apiRequestsPerSecond: z.int().min(1).max(10_000).default(50).describe('The throttle of the whole API.'),
    apiBurst: z.int().min(1).max(5000).default(100).describe('The most requests that the API takes at once.'),
    logRetentionDays: z
      .literal(RETENTION_DAYS)
      .default(30)
      .describe('Logs are kept this long; CloudWatch offers some values only.'),
    alarmEmail: z
      .email()
      .optional()
      .describe('This address gets every alarm after it has confirmed the subscription.'),
    burialsPerQuarterHour: z
      .int()
      .min(1)
      .default(3)
      .describe('More burials than this within 15 minutes raise an alarm.'),
    removalPolicy: z
      .enum(['retain', 'destroy'])
      .default('retain')
      .describe('Whether the tables, their keys and the API key are kept or deleted with the stack.'),
    deletionProtection: z.boolean().default(true).describe('Whether DynamoDB refuses to delete the tables.'),
    hostImage: z
      .string()
      .min(1)
      .optional()
      .describe(
        'A ready image (ARM64), public or in a private ECR; without it Docker builds hosts/Dockerfile.',
      ),
    firstApiKey: z
      .boolean()
      .default(true)
      .describe('Whether the first deployment makes an admin key and puts it into Secrets Manager.'),
    beatEveryMs: z.int().positive().optional().describe('A time of the protocol: see core/settings.ts.'),
    fenceAfterMs: z.int().positive().optional().describe('A time of the protocol: see core/settings.ts.'),
    buryAfterMs: z.int().positive().optional().describe('A time of the protocol: see core/settings.ts.'),
  })
  .superRefine((given, context) => {
    const refuse = (path: string, message: string) =>
      context.addIssue({ code: 'custom', path: [path], message })
    if (given.messagesUrl && !given.messagesSecretArn)
      refuse('messagesSecretArn', 'is needed with messagesUrl')
    if (given.maximumServers < given.minimumServers) refuse('maximumServers', 'is below minimumServers')
    if (given.backoffCapMs < given.backoffBaseMs) refuse('backoffCapMs', 'is below backoffBaseMs')
    const memory = MEMORY_MIB_BY_CPU[given.taskCpuUnits]
    if (!memory) refuse('taskCpuUnits', `is one of ${Object.keys(MEMORY_MIB_BY_CPU).join(', ')}`)
    else if (given.taskMemoryMiB < memory[0] || given.taskMemoryMiB > memory[1]) {
      refuse('taskMemoryMiB', `is ${memory[0]} to ${memory[1]} for ${given.taskCpuUnits} CPU units`)
    }
    try {
      protocolSettings(protocolTimes(given))
    } catch (error) {
      refuse('fenceAfterMs', error instanceof Error ? error.message : String(error))
    }
  })

export type Configuration = z.output<typeof configuration>

/** The schema of each option, with its meaning: for documents and tests. */
export const OPTIONS = configuration.shape

/** @throws Error that names each option that is unknown or wrong */
export function readConfiguration(given: unknown): Configuration {
  // `-c mooring=...` on the command line arrives as text.
  const read = configuration.safeParse(typeof given === 'string' ? JSON.parse(given) : given)
  if (read.success) return read.data
  const faults = read.error.issues.map((issue) => `  ${issue.path.join('.') || 'mooring'}: ${issue.message}`)
  throw new Error(`BAD_CONFIGURATION: the context \`mooring\` in cdk.json:\n${faults.join('\n')}`)
}

type ProtocolOptions = Pick<Configuration, 'beatEveryMs' | 'fenceAfterMs' | 'buryAfterMs'>

function protocolTimes({ beatEveryMs, fenceAfterMs, buryAfterMs }: ProtocolOptions) {
  return {
    ...(beatEveryMs === undefined ? {} : { beatEveryMs }),
    ...(fenceAfterMs === undefined ? {} : { fenceAfterMs }),
    ...(buryAfterMs === undefined ? {} : { buryAfterMs }),
  }
}

/** Hosts and Lambdas must use the same times, so the stack gives them to both. */
export function protocolVariables(of: ProtocolOptions) {
  const { beatEveryMs, fenceAfterMs, buryAfterMs } = protocolSettings(protocolTimes(of))
  return {
    BEAT_EVERY_MS: String(beatEveryMs),
    FENCE_AFTER_MS: String(fenceAfterMs),
    BURY_AFTER_MS: String(buryAfterMs),
  }
}
