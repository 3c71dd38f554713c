/** The ECS service whose tasks are the servers: its size, its deployments, and the
 *  tasks that it must not stop. */
import {
  DescribeServicesCommand,
  ECSClient,
  UpdateServiceCommand,
  UpdateTaskProtectionCommand,
} from '@aws-sdk/client-ecs'
import type { ServiceControl } from '../../core/service.ts'
import { IMPATIENT } from './clients.ts'

const CALL_MS_MAX = 5000
/** ECS takes no more tasks in one request. */
const TASKS_PER_CALL_MAX = 10

export function ecsService(
  cluster: string,
  service: string,
  client = new ECSClient(IMPATIENT),
): ServiceControl {
  const limit = () => ({ abortSignal: AbortSignal.timeout(CALL_MS_MAX) })
  return {
    async size() {
      const answer = await client.send(new DescribeServicesCommand({ cluster, services: [service] }), limit())
      const found = answer.services?.[0]
      if (found?.desiredCount === undefined) throw new Error(`ECS knows no service ${service} in ${cluster}`)
      const { desiredCount: desired, runningCount, deployments = [] } = found
      const newest = deployments.find(({ status }) => status === 'PRIMARY')
      const steady = deployments.length === 1 && runningCount === desired
      return { desired, steady, deployment: newest?.id ?? '' }
    },
    async resize(desired) {
      await client.send(new UpdateServiceCommand({ cluster, service, desiredCount: desired }), limit())
    },
    async redeploy() {
      await client.send(new UpdateServiceCommand({ cluster, service, forceNewDeployment: true }), limit())
    },
    async protect(taskArns, minutes) {
      for (let from = 0; from < taskArns.length; from += TASKS_PER_CALL_MAX) {
        const tasks = taskArns.slice(from, from + TASKS_PER_CALL_MAX)
        const answer = await client.send(
          new UpdateTaskProtectionCommand({
            cluster,
            tasks,
            protectionEnabled: true,
            expiresInMinutes: minutes,
          }),
          limit(),
        )
        if (answer.failures?.length) return false
      }
      return true
    },
  }
}
