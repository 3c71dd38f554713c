/** An API key of scope `admin`, made once by the first deployment. The key goes into Secrets Manager and its
 *  hash into the table. The key is never in a template, an output or a log. */
import { CustomResource, RemovalPolicy, Validations } from 'aws-cdk-lib'
import { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { Secret } from 'aws-cdk-lib/aws-secretsmanager'
import { Construct } from 'constructs'
import type { Configuration } from './configuration.ts'
import { Lambda } from './lambda.ts'
import { TABLE_USES, tableStatements } from './permissions.ts'
import type { Tables } from './tables.ts'

export class FirstKey extends Construct {
  readonly secret: Secret
  readonly lambda: Lambda

  constructor(scope: Construct, id: string, props: { configuration: Configuration; tables: Tables }) {
    super(scope, id)
    const { configuration, tables } = props
    this.secret = new Secret(this, 'Secret', {
      description: `${configuration.stackName}: the API key of the first administrator`,
      removalPolicy: configuration.removalPolicy === 'destroy' ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN,
    })
    Validations.of(this.secret).acknowledge({
      id: 'AwsSolutions-SMG4',
      reason:
        'API keys are replaced by their owners: see docs/operations.md. Rotation would break every client at once.',
    })
    this.lambda = new Lambda(this, 'first-key', {
      configuration,
      entry: 'first-key',
      description: 'Makes the first API key, at the first deployment',
      timeoutSeconds: 30,
      memoryMiB: 256,
      environment: { TABLE_PREFIX: tables.prefix, API_KEY_SECRET: this.secret.secretArn },
      statements: [
        ...tableStatements(tables, TABLE_USES['first-key']),
        new PolicyStatement({
          actions: ['secretsmanager:PutSecretValue'],
          resources: [this.secret.secretArn],
        }),
      ],
    })
    const made = new CustomResource(this, 'Made', {
      resourceType: 'Custom::FirstApiKey',
      serviceToken: this.lambda.function.functionArn,
    })
    made.node.addDependency(tables.tables.Keys)
  }
}
