/** The permissions and the variables by which the sweep and the API control the tasks of this cluster. */
import { ArnFormat, CfnResource, Stack, Validations } from 'aws-cdk-lib'
import type { Cluster, FargateService } from 'aws-cdk-lib/aws-ecs'
import { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { Construct } from 'constructs'
import type { Configuration } from './configuration.ts'
import type { Lambda } from './lambda.ts'

export interface TaskPermissionsProps {
  readonly configuration: Configuration
  readonly api: Lambda
  readonly sweep: Lambda
  readonly cluster: Cluster
  readonly service: FargateService
}

export class TaskPermissions extends Construct {
  constructor(scope: Construct, id: string, props: TaskPermissionsProps) {
    super(scope, id)
    const { configuration, cluster, service } = props
    const { function: sweep } = props.sweep
    sweep.addEnvironment('ECS_CLUSTER', cluster.clusterName)
    sweep.addEnvironment('ECS_SERVICE', service.serviceName)
    sweep.addEnvironment('SERVERS_MIN', String(configuration.minimumServers))
    sweep.addEnvironment('SERVERS_MAX', String(configuration.maximumServers))
    sweep.addEnvironment('SCALE_OUT_COOL_DOWN_SECONDS', String(configuration.scaleOutCoolDownSeconds))
    sweep.addEnvironment('SCALE_IN_COOL_DOWN_SECONDS', String(configuration.scaleInCoolDownSeconds))
    sweep.addToRolePolicy(
      new PolicyStatement({
        actions: ['ecs:StopTask', 'ecs:UpdateTaskProtection'],
        resources: [this.#tasksOf(cluster)],
      }),
    )
    sweep.addToRolePolicy(
      new PolicyStatement({
        actions: ['ecs:DescribeServices', 'ecs:UpdateService'],
        resources: [service.serviceArn],
      }),
    )
    props.api.function.addEnvironment('ECS_CLUSTER', cluster.clusterName)
    props.api.function.addToRolePolicy(
      new PolicyStatement({ actions: ['ecs:StopTask'], resources: [this.#tasksOf(cluster)] }),
    )
    for (const lambda of [props.sweep, props.api]) this.#acknowledge(lambda, cluster)
  }

  #tasksOf(cluster: Cluster): string {
    return Stack.of(this).formatArn({
      service: 'ecs',
      resource: 'task',
      resourceName: `${cluster.clusterName}/*`,
      arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
    })
  }

  #acknowledge(lambda: Lambda, cluster: Cluster): void {
    const { role } = lambda.function
    const { defaultChild } = cluster.node
    if (!role || !CfnResource.isCfnResource(defaultChild)) return
    const clusterId = Stack.of(this).getLogicalId(defaultChild)
    const tasks = `arn:<AWS::Partition>:ecs:<AWS::Region>:<AWS::AccountId>:task/<${clusterId}>/*`
    Validations.of(role).acknowledge({
      id: `AwsSolutions-IAM5[Resource::${tasks}]`,
      reason: 'Tasks come and go: the wildcard means every task of this one cluster.',
    })
  }
}
