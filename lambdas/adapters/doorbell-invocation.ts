/** The doorbell of the other Lambdas: they invoke the doorbell Lambda, and do not wait for its result. */
import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda'
import { inParallel } from '../../core/parallel.ts'
import type { Telemetry } from '../../core/telemetry.ts'
import type { Doorbell } from '../../core/world.ts'

const INVOKE_MS_MAX = 1500
/** The doorbell Lambda calls all servers of one invocation at the same time. */
const SERVERS_PER_CALL_MAX = 200
const CALLS_AT_ONCE = 4

/** A failed ring is logged and not repeated: the servers look by themselves at their next beats. */
export function lambdaDoorbell(client: LambdaClient, functionName: string, telemetry: Telemetry): Doorbell {
  async function call(servers: readonly { serverId: string; url: string }[]): Promise<void> {
    const command = new InvokeCommand({
      FunctionName: functionName,
      InvocationType: 'Event',
      Payload: Buffer.from(JSON.stringify({ servers })),
    })
    try {
      await client.send(command, { abortSignal: AbortSignal.timeout(INVOKE_MS_MAX) })
    } catch (error) {
      telemetry.emit('doorbell.unanswered', {
        why: 'the doorbell Lambda was not invoked',
        servers: servers.length,
        error,
      })
    }
  }

  return {
    async ring(servers) {
      const once = new Map(servers.map(({ serverId, url }) => [serverId, { serverId, url }]))
      const toRing = [...once.values()]
      const calls = Array.from({ length: Math.ceil(toRing.length / SERVERS_PER_CALL_MAX) }, (_, call) =>
        toRing.slice(call * SERVERS_PER_CALL_MAX, (call + 1) * SERVERS_PER_CALL_MAX),
      )
      await inParallel(calls, CALLS_AT_ONCE, call)
    },
  }
}
