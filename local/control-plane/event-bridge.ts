/** The events that EventBridge sends to the functions. */
import { randomUUID } from 'node:crypto'
import type { ScheduledEvent } from '../../lambdas/sweep.ts'
import type { TaskStateChange } from '../../lambdas/task-stopped.ts'
import { LOCAL_REGION } from '../database.ts'
import { LOCAL_ACCOUNT } from './functions.ts'

const CLUSTER_ARN = `arn:aws:ecs:${LOCAL_REGION}:${LOCAL_ACCOUNT}:cluster/mooring`

export function scheduledEvent(at: Date): ScheduledEvent {
  return {
    ...envelope(at),
    'detail-type': 'Scheduled Event',
    source: 'aws.events',
    resources: [`arn:aws:events:${LOCAL_REGION}:${LOCAL_ACCOUNT}:rule/mooring-sweep`],
    detail: {},
  }
}

/** @param exitCode of the task's one container; undefined when it was lost with its machine */
export function taskStoppedEvent(at: Date, taskArn: string, exitCode?: number): TaskStateChange {
  const time = at.toISOString()
  return {
    ...envelope(at),
    'detail-type': 'ECS Task State Change',
    source: 'aws.ecs',
    resources: [taskArn],
    detail: {
      attachments: [],
      availabilityZone: `${LOCAL_REGION}a`,
      clusterArn: CLUSTER_ARN,
      connectivity: 'CONNECTED',
      containers: [
        {
          containerArn: `${taskArn.replace(':task/', ':container/')}/${randomUUID()}`,
          cpu: '0',
          ...(exitCode === undefined ? { reason: 'the machine was lost' } : { exitCode }),
          image: 'mooring-server',
          lastStatus: 'STOPPED',
          name: 'server',
          networkInterfaces: [],
          runtimeId: `${taskArn.split('/').at(-1)}-0000000000`,
          taskArn,
        },
      ],
      cpu: '1024',
      desiredStatus: 'STOPPED',
      enableExecuteCommand: false,
      group: 'service:mooring',
      lastStatus: 'STOPPED',
      launchType: 'FARGATE',
      memory: '2048',
      overrides: { containerOverrides: [{ name: 'server' }] },
      platformVersion: '1.4.0',
      stopCode: exitCode === undefined ? 'TaskFailedToStart' : 'EssentialContainerExited',
      stoppedAt: time,
      stoppedReason: 'Essential container in task exited',
      stoppingAt: time,
      taskArn,
      taskDefinitionArn: `arn:aws:ecs:${LOCAL_REGION}:${LOCAL_ACCOUNT}:task-definition/mooring:1`,
      updatedAt: time,
      version: 6,
    },
  }
}

function envelope(at: Date) {
  return {
    version: '0',
    id: randomUUID(),
    account: LOCAL_ACCOUNT,
    // EventBridge tells whole seconds.
    time: at.toISOString().replace(/\.\d+Z$/, 'Z'),
    region: LOCAL_REGION,
  }
}
