/** The key that wraps the data keys of the auth state. Servers use it, each time for one device and its credentials, and
 *  nobody else in the stack does: who reads the tables, a Lambda or a backup, reads no credentials. */
import { RemovalPolicy } from 'aws-cdk-lib'
import { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { Key } from 'aws-cdk-lib/aws-kms'
import { Construct } from 'constructs'
import type { Configuration } from './configuration.ts'

/** What hosts/auth-state/keys/kms-wrapping.ts binds each data key to. */
const CONTEXT_NAMES = ['deviceId', 'credentialsId']

export class AuthKey extends Construct {
  /** The ARN that servers wrap with. */
  readonly arn: string
  /** Those that may have wrapped what stands in the table. */
  readonly #formerArns: readonly string[]

  constructor(scope: Construct, id: string, configuration: Configuration) {
    super(scope, id)
    const key = new Key(this, 'Key', {
      description: `${configuration.stackName}: data keys of the auth state`,
      enableKeyRotation: true,
      removalPolicy: configuration.removalPolicy === 'destroy' ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN,
    })
    this.arn = configuration.authKey ?? key.keyArn
    const former = [key.keyArn, ...(configuration.formerAuthKeys ?? [])]
    this.#formerArns = former.filter((arn) => arn !== this.arn)
  }

  /** What a server may do: wrap by the present key, and unwrap what any of them has wrapped. */
  statements(): PolicyStatement[] {
    const conditions = {
      StringLike: Object.fromEntries(CONTEXT_NAMES.map((name) => [`kms:EncryptionContext:${name}`, '?*'])),
      'ForAllValues:StringEquals': { 'kms:EncryptionContextKeys': CONTEXT_NAMES },
    }
    return [
      new PolicyStatement({
        actions: ['kms:Decrypt', 'kms:Encrypt', 'kms:GenerateDataKey'],
        resources: [this.arn],
        conditions,
      }),
      ...this.#formerArns.map(
        (arn) => new PolicyStatement({ actions: ['kms:Decrypt'], resources: [arn], conditions }),
      ),
    ]
  }
}
