/** Asks the ECS metadata endpoint for the address and the name of the task that this process runs in. */
import * as z from 'zod'

const METADATA_MS_MAX = 2000

const metadata = z.object({
  TaskARN: z.string(),
  Containers: z.array(
    z.object({ Networks: z.array(z.object({ IPv4Addresses: z.array(z.string()) })).optional() }),
  ),
})

export interface FargateTask {
  readonly taskArn: string
  /** The last part of the task's ARN: unique among the running tasks. */
  readonly name: string
  readonly address: string
}

/** Reads the ECS task metadata endpoint, version 4. @throws when it does not answer as documented */
export async function readFargateTask(endpoint: string): Promise<FargateTask> {
  const answer = await fetch(`${endpoint}/task`, { signal: AbortSignal.timeout(METADATA_MS_MAX) })
  const task = metadata.parse(await answer.json())
  const address = task.Containers.flatMap((container) => container.Networks ?? []).flatMap(
    (net) => net.IPv4Addresses,
  )[0]
  if (!address) throw new Error('the task metadata names no IPv4 address')
  return { taskArn: task.TaskARN, name: `task-${task.TaskARN.slice(-12)}`, address }
}
