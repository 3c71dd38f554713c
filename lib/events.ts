/** The rules of EventBridge: a sweep every minute, and an event for each stopped task of this cluster. */
import { Duration } from 'aws-cdk-lib'
import type { Cluster } from 'aws-cdk-lib/aws-ecs'
import { Rule, Schedule } from 'aws-cdk-lib/aws-events'
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets'
import type { IQueue } from 'aws-cdk-lib/aws-sqs'
import { Construct } from 'constructs'
import type { Lambda } from './lambda.ts'

export interface EventsProps {
  readonly sweep: Lambda
  readonly taskStopped: Lambda
  readonly cluster: Cluster
  readonly deadLetters: IQueue
}

export class Events extends Construct {
  constructor(scope: Construct, id: string, { sweep, taskStopped, cluster, deadLetters }: EventsProps) {
    super(scope, id)
    new Rule(this, 'EveryMinute', {
      description: 'Starts a sweep',
      schedule: Schedule.rate(Duration.minutes(1)),
      targets: [
        // A late start is useless: the next one is due.
        new LambdaFunction(sweep.function, { retryAttempts: 0, maxEventAge: Duration.minutes(1) }),
      ],
    })
    new Rule(this, 'TaskStopped', {
      description: 'Reports stopped tasks',
      eventPattern: {
        source: ['aws.ecs'],
        detailType: ['ECS Task State Change'],
        detail: { clusterArn: [cluster.clusterArn], lastStatus: ['STOPPED'] },
      },
      targets: [
        new LambdaFunction(taskStopped.function, {
          retryAttempts: 4,
          maxEventAge: Duration.hours(1),
          deadLetterQueue: deadLetters,
        }),
      ],
    })
  }
}
