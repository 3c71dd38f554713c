import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { mooringApp } from '../../lib/app.ts'
import { find, one, synthesise } from './synthesised.ts'

const REGISTRY = '123456789012.dkr.ecr.eu-west-1.amazonaws.com'
const DIGEST = `sha256:${'0a1b2c3d'.repeat(8)}`

function imageOf(hostImage: string): unknown {
  const { ContainerDefinitions } = one(synthesise({ hostImage }), 'AWS::ECS::TaskDefinition').Properties
  return ContainerDefinitions[0].Image
}

/** The actions of the execution role on ECR: of each resource. */
function pulls(hostImage: string): [resource: unknown, actions: string[]][] {
  const policies = find(synthesise({ hostImage }), 'AWS::IAM::Policy', 'HostsTaskExecutionRole')
  const statements = policies.flatMap(([, { Properties }]) => Properties.PolicyDocument.Statement)
  return statements
    .filter(({ Action }) => JSON.stringify(Action).includes('ecr:'))
    .map(({ Action, Resource }) => [Resource, [Action].flat().sort()])
}

const PULL = ['ecr:BatchCheckLayerAvailability', 'ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer']

describe('a ready image in a private ECR repository', () => {
  for (const version of [':1.4.2', `@${DIGEST}`, `:1.4.2@${DIGEST}`, '']) {
    test(`is the image of the servers as it was given, with "${version}"`, () => {
      assert.equal(imageOf(`${REGISTRY}/team/mooring${version}`), `${REGISTRY}/team/mooring${version}`)
    })
  }

  for (const [where, registry, region] of [
    ['AWS', REGISTRY, 'eu-west-1'],
    ['AWS in China', '123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn', 'cn-north-1'],
    ['AWS with IPv6', '123456789012.dkr-ecr.eu-west-1.on.aws', 'eu-west-1'],
  ] as const) {
    test(`may be pulled by the execution role, that repository alone, in ${where}`, () => {
      const arn = ['arn:', { Ref: 'AWS::Partition' }, `:ecr:${region}:123456789012:repository/team/mooring`]
      assert.deepEqual(pulls(`${registry}/team/mooring:1.4.2`), [
        [{ 'Fn::Join': ['', arn] }, PULL],
        ['*', ['ecr:GetAuthorizationToken']],
      ])
    })
  }

  test('raises no warning of CDK', () => {
    const { app, stack } = mooringApp({
      context: { mooring: { hostImage: `${REGISTRY}/mooring:1` }, 'aws:cdk:bundling-stacks': [] },
    })

    app.synth()

    const warnings = stack.node
      .findAll()
      .flatMap(({ node }) =>
        node.metadata.filter(({ type }) => type === 'aws:cdk:warning').map(({ data }) => data),
      )
    assert.deepEqual(warnings, [])
  })

  test('passes the rules of cdk-nag', () => {
    const { app } = mooringApp({
      context: { mooring: { hostImage: `${REGISTRY}/mooring:1` }, 'aws:cdk:bundling-stacks': [] },
    })

    assert.doesNotThrow(() => app.synth())
  })
})

describe('a ready image in a public registry', () => {
  for (const hostImage of ['example.org/mooring:1', 'public.ecr.aws/team/mooring:1', 'mooring']) {
    test(`needs no permission: ${hostImage}`, () => {
      assert.equal(imageOf(hostImage), hostImage)
      assert.deepEqual(pulls(hostImage), [])
    })
  }
})
