/** The KMS key that wraps the data keys of the auth state. Servers alone may use it, each time for one
 *  device and its credentials. So a reader of the tables, be it a Lambda or a backup, cannot read
 *  credentials. */
import { RemovalPolicy } from 'aws-cdk-lib'
import { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { Key } from 'aws-cdk-lib/aws-kms'
import { Construct } from 'constructs'
import type { Configuration } from './configuration.ts'

/** hosts/auth-state/keys/kms-wrapping.ts binds each data key to these two names. */
const CONTEXT_NAMES = ['deviceId', 'credentialsId']

export class AuthKey extends Construct {
  /** The ARN of the key with which servers wrap. */
  readonly arn: string
  /** The ARNs of earlier keys, which may have wrapped data keys that are still stored. */
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

  /** The permissions of a server: to wrap with the present key, and to unwrap with each of the keys. */
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
