/**
 * The Fargate task: one process that holds the sockets of the devices that its server owns. ECS runs it, or
 * the local fleet, or a person with the environment of environment.ts. SIGTERM makes it release its devices
 * and leave. It must never outlive its lease with an open socket: when in doubt it exits, and the fleet
 * buries it.
 */

import { atEndSignal } from './server/end-signals.ts'
import './isolation/limited-inflate.ts'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { LambdaClient } from '@aws-sdk/client-lambda'
import { dynamoDbStore } from '../aws/dynamodb-store.ts'
import { powertoolsTelemetry } from '../aws/powertools-telemetry.ts'
import { clientVersionText } from '../core/client-version.ts'
import { systemClock } from '../core/clock.ts'
import { serverId } from '../core/ids.ts'
import { systemRandom } from '../core/random.ts'
import { HOST_REQUEST_MS_MAX } from '../core/settings.ts'
import { churnLedger } from '../core/telemetry/churn.ts'
import { openAuthState } from './auth-state/auth-state.ts'
import { openWrapping } from './auth-state/keys/open-wrapping.ts'
import type { KeyWrapping } from './auth-state/keys/wrapping.ts'
import { type HostEnvironment, readEnvironment } from './environment.ts'
import { attributeErrors, forNobody } from './isolation/attribution.ts'
import { placeOf, wordsOf } from './isolation/error-words.ts'
import { startWatchdog } from './isolation/watchdog.ts'
import { type Consumer, droppingConsumer } from './messages/consumer.ts'
import { webhookConsumer } from './messages/webhook.ts'
import { readFargateTask } from './server/fargate.ts'
import { listen } from './server/listener.ts'
import { placementRequests } from './server/placement-requests.ts'
import { type RunningServer, runServer, type ServerEnd } from './server/server.ts'
import { createStallWatches, type StallWatches } from './stalls/stall-watch.ts'
import { baileysSockets, PACKAGE_VERSION } from './whatsapp/baileys-socket.ts'
import { silenceConsole } from './whatsapp/silence-console.ts'
import type { HostWorld } from './world.ts'

const EXIT_CODES: Readonly<Record<ServerEnd['why'], number>> = { left: 0, buried: 3, refused: 4 }
/** The parent process is gone. Nobody requested this end, and no device has caused it. */
const ORPHANED = 5
/** A crash is written and logged within this time: it must not keep a broken process alive. */
const LAST_WORDS_MS_MAX = 2000
const METRICS_EVERY_MS = 10_000
const UNANSWERED_EVERY_MS = 60_000
/** The store may be gone together with the parent: then the devices cannot be released. */
const ORPHANED_MS_MAX = 5000

async function main(): Promise<number> {
  // A full disk takes no log. That is no reason to release devices.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
  const environment = readEnvironment(process.env)
  const stalls = createStallWatches(systemClock, environment.STALL_AFTER_MS)
  const { world, flush } = createWorld(environment, await openWrapping(environment), stalls)
  startWatchdog(environment.settings.fenceAfterMs, (error) =>
    world.telemetry.emit('server.failed', {
      error,
      why: 'the watchdog has ended: an endless loop would not be noticed',
    }),
  )
  const task = environment.ECS_CONTAINER_METADATA_URI_V4
    ? await readFargateTask(environment.ECS_CONTAINER_METADATA_URI_V4)
    : undefined
  const name = environment.SERVER_NAME ?? task?.name
  if (!name) throw new Error('BAD_ENVIRONMENT: SERVER_NAME is missing, and no task metadata supplies it')

  let server: RunningServer | undefined
  let isEnding = false
  attributeErrors(process, world, (error) => {
    if (isEnding) return
    isEnding = true
    setTimeout(() => process.exit(1), LAST_WORDS_MS_MAX)
    const why = `an error that belongs to no device: ${wordsOf(error)} (${placeOf(error)})`
    world.telemetry.emit('server.crashed', { ...(server ? { serverId: server.serverId } : {}), why })
    process.stderr.write(`${why}\n`)
    void Promise.all([server?.crash(why), flush()]).finally(() => process.exit(1))
  })
  const { SERVER_LISTEN: host, SERVER_PORT: port } = environment
  const { DOORBELL_SECRET: doorbellSecret, MESSAGES_SECRET: messagesSecret } = environment
  const listener = await listen({ host, port, doorbellSecret, messagesSecret, ...world }, () => server)
  const url = environment.SERVER_URL ?? `http://${task?.address ?? '127.0.0.1'}:${listener.port}`
  const taskArn = environment.TASK_ARN ?? task?.taskArn
  const joining = runServer(world, {
    serverId: serverId(`${name.slice(0, 40)}-${world.random.id()}`),
    name,
    url,
    capacity: environment.SERVER_MAX_CAPACITY,
    connectsPerSecond: environment.CONNECTS_PER_SECOND,
    backoff: { baseMs: environment.BACKOFF_BASE_MS, capMs: environment.BACKOFF_CAP_MS },
    ...(taskArn ? { taskArn } : {}),
  })
  server = joining
  atEndSignal(() => joining.leave())
  // The pipe ends with the parent process: a server that nobody watches leaves by itself.
  process.on('disconnect', () => {
    server?.leave()
    setTimeout(() => process.exit(ORPHANED), ORPHANED_MS_MAX).unref()
  })

  const flushing = setInterval(() => void flush(), METRICS_EVERY_MS)
  const { serverId: id } = server
  const measuring = setInterval(() => {
    const seconds = stalls.worstMs() / 1000
    world.telemetry.emit('server.unanswered', { serverId: id, name }, { OldestUnansweredSeconds: seconds })
  }, UNANSWERED_EVERY_MS)
  const end = await server.ended
  clearInterval(flushing)
  clearInterval(measuring)
  await flush()
  await listener.close()
  if (end.why === 'refused') process.stderr.write(`${end.error.code}: ${end.error.message}\n`)
  return EXIT_CODES[end.why]
}

function createWorld(
  environment: HostEnvironment,
  wrapping: KeyWrapping,
  stalls: StallWatches,
): { world: HostWorld; flush(): Promise<void> } {
  const clock = systemClock
  const random = systemRandom
  const retrying = new DynamoDBClient({ maxAttempts: 3 })
  const single = new DynamoDBClient({ maxAttempts: 1 })
  const store = forNobody(dynamoDbStore(retrying, environment.TABLE_PREFIX, HOST_REQUEST_MS_MAX))
  const beatStore = forNobody(dynamoDbStore(single, environment.TABLE_PREFIX, HOST_REQUEST_MS_MAX))
  const telemetry = powertoolsTelemetry('host', churnLedger(store, clock))
  const lambda = new LambdaClient({ maxAttempts: 2 })
  const renewDataKeysAfterDays = environment.AUTH_DATA_KEY_DAYS
  const clientVersion = environment.WHATSAPP_VERSION ?? PACKAGE_VERSION
  const world: HostWorld = {
    store,
    beatStore,
    clock,
    random,
    telemetry,
    settings: environment.settings,
    pairingTimeoutMs: environment.PAIRING_TIMEOUT_MS,
    clientVersion: clientVersionText(clientVersion),
    openAuth: (options) =>
      openAuthState({ store, clock, telemetry, wrapping, renewDataKeysAfterDays, ...options }),
    openSocket: baileysSockets({
      ...(environment.WHATSAPP_URL ? { url: environment.WHATSAPP_URL } : {}),
      historySync: environment.HISTORY_SYNC === 'on',
      stalls,
      clientVersion,
    }),
    consumer: consumerOf(environment),
    requestPlacement: placementRequests({ clock, telemetry }, lambda, environment.ASSIGN_FUNCTION),
  }
  // Metrics that cannot be written are lost. The next flush writes the next ones.
  const flush = () => telemetry.flush().catch((error: unknown) => telemetry.emit('server.failed', { error }))
  return { world, flush }
}

function consumerOf({ MESSAGES_URL: url, MESSAGES_SECRET: secret }: HostEnvironment): Consumer {
  if (url === undefined || secret === undefined) return droppingConsumer
  return webhookConsumer({ url, secret, clock: systemClock, random: systemRandom })
}

silenceConsole()
main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(1)
  },
)
