/** Asks the `assign` Lambda to place released devices, several in one invocation. */
import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda'
import { type Clock, sleep } from '../../core/clock.ts'
import type { DeviceId } from '../../core/ids.ts'
import type { Telemetry } from '../../core/telemetry.ts'

/** Devices that are released within this time share one invocation. */
const GATHER_MS = 20
const INVOKE_MS_MAX = 3000

export function placementRequests(
  world: { clock: Clock; telemetry: Telemetry },
  client: LambdaClient,
  name: string,
) {
  let gathered: Set<DeviceId> | undefined
  let sending: Promise<void> = Promise.resolve()

  async function send(): Promise<void> {
    await sleep(world.clock, GATHER_MS)
    const deviceIds = [...(gathered ?? [])]
    gathered = undefined
    const command = new InvokeCommand({
      FunctionName: name,
      InvocationType: 'Event',
      Payload: Buffer.from(JSON.stringify({ deviceIds })),
    })
    try {
      await client.send(command, { abortSignal: AbortSignal.timeout(INVOKE_MS_MAX) })
    } catch (error) {
      world.telemetry.emit('placement.unasked', { error, devices: deviceIds.length })
    }
  }

  /** Resolves when the request was sent, or has failed: then the sweep finds the devices. */
  return (devices: readonly DeviceId[]): Promise<void> => {
    if (gathered) for (const device of devices) gathered.add(device)
    else {
      gathered = new Set(devices)
      sending = send()
    }
    return sending
  }
}
