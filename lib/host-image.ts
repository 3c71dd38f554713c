/** The image of the servers: built from hosts/Dockerfile, or a ready one. A private ECR repository lets the
 *  execution role pull only if the role has the permission; a public registry asks for none. */
import { fileURLToPath } from 'node:url'
import { Annotations, ArnFormat, IgnoreMode, Stack } from 'aws-cdk-lib'
import { Repository } from 'aws-cdk-lib/aws-ecr'
import { Platform } from 'aws-cdk-lib/aws-ecr-assets'
import { ContainerImage, type FargateTaskDefinition } from 'aws-cdk-lib/aws-ecs'
import type { Configuration } from './configuration.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
/** The paths that hosts/Dockerfile copies, so that a change elsewhere makes no new image. */
const IN_IMAGE = ['aws', 'core', 'hosts', 'package.json', 'package-lock.json', '.npmrc']
/** The endpoints of a registry, those for FIPS and for IPv6 among them:
 *  https://docs.aws.amazon.com/general/latest/gr/ecr.html */
const PRIVATE_ECR =
  /^(?<account>\d{12})\.dkr[.-]ecr(?:-fips)?\.(?<region>[a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.aws)\/(?<name>[^:@]+)/

export function hostImage({ hostImage: ready }: Configuration): ContainerImage {
  if (ready) return ContainerImage.fromRegistry(ready)
  return ContainerImage.fromAsset(ROOT, {
    file: 'hosts/Dockerfile',
    platform: Platform.LINUX_ARM64,
    ignoreMode: IgnoreMode.DOCKER,
    exclude: ['*', ...IN_IMAGE.map((path) => `!${path}`)],
  })
}

/** Lets the task pull a ready image from its private ECR repository. CDK does so only for images that it
 *  builds or whose repository it knows. */
export function letTaskPull(task: FargateTaskDefinition, { hostImage: ready = '' }: Configuration): void {
  const { account, region, name } = PRIVATE_ECR.exec(ready)?.groups ?? {}
  if (!account || !region || !name) return
  const arn = Stack.of(task).formatArn({
    service: 'ecr',
    account,
    region,
    resource: 'repository',
    resourceName: name,
    arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
  })
  const repository = Repository.fromRepositoryAttributes(task, 'Image', {
    repositoryArn: arn,
    repositoryName: name,
  })
  repository.grantPull(task.obtainExecutionRole())
  Annotations.of(task).acknowledgeWarning(
    '@aws-cdk/aws-ecs:ecrImageRequiresPolicy',
    'the execution role has just got the permissions',
  )
}
