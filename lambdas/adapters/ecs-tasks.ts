/** Ends Fargate tasks: those of buried servers, and those that an operator evicts. A failure is only logged,
 *  because a buried server fences itself anyway. */
import { ECSClient, StopTaskCommand } from '@aws-sdk/client-ecs'
import type { Telemetry } from '../../core/telemetry.ts'
import type { TaskControl } from '../../core/world.ts'
import { IMPATIENT } from './clients.ts'

const STOP_MS_MAX = 3000
/** ECS refuses a longer reason. */
const REASON_CHARACTERS_MAX = 255

export function ecsTasks(client: ECSClient, cluster: string, telemetry: Telemetry): TaskControl {
  return {
    async stopTask(taskArn, why) {
      const command = new StopTaskCommand({
        cluster,
        task: taskArn,
        reason: why.slice(0, REASON_CHARACTERS_MAX),
      })
      try {
        await client.send(command, { abortSignal: AbortSignal.timeout(STOP_MS_MAX) })
        telemetry.emit('task.stop_asked', { taskArn, why })
        return true
      } catch (error) {
        telemetry.emit('task.stop_failed', { taskArn, why, error })
        return false
      }
    },
  }
}

/** Controls the tasks of the cluster, or no tasks when there is no cluster. */
export function tasksOfCluster(cluster: string | undefined): (telemetry: Telemetry) => TaskControl {
  return cluster ? (telemetry) => ecsTasks(new ECSClient(IMPATIENT), cluster, telemetry) : noTasks
}

/** Without a cluster, the operator ends the servers. */
export function noTasks(telemetry: Telemetry): TaskControl {
  return {
    async stopTask(taskArn, why) {
      telemetry.emit('task.stop_skipped', { taskArn, why })
      return false
    },
  }
}
