/** The stack: creates the constructs and connects them. */
import { CfnOutput, RemovalPolicy, Stack, type StackProps, Validations } from 'aws-cdk-lib'
import { Secret } from 'aws-cdk-lib/aws-secretsmanager'
import type { Construct } from 'constructs'
import { Alarms } from './alarms.ts'
import { Api } from './api.ts'
import { AuthKey } from './auth-key.ts'
import type { Configuration } from './configuration.ts'
import { FleetDashboard } from './dashboard.ts'
import { Events } from './events.ts'
import { FirstKey } from './first-key.ts'
import { Functions } from './functions.ts'
import { Hosts } from './hosts.ts'
import { Network } from './network.ts'
import { Queries } from './queries.ts'
import { Scaling } from './scaling.ts'
import { Tables } from './tables.ts'
import { TaskPermissions } from './tasks.ts'

export class MooringStack extends Stack {
  constructor(scope: Construct, id: string, configuration: Configuration, props: StackProps = {}) {
    super(scope, id, { description: 'Mooring: every WhatsApp device on exactly one server', ...props })
    const tables = new Tables(this, 'Tables', configuration)
    const network = new Network(this, 'Network', configuration)
    const doorbellSecret = createDoorbellSecret(this)
    const cursorSecret = createCursorSecret(this)
    const functions = new Functions(this, 'Functions', {
      configuration,
      tables,
      network,
      doorbellSecret,
      cursorSecret,
    })
    const { api, authorizer, sweep, assign, 'task-stopped': taskStopped } = functions.byName
    const authKey = new AuthKey(this, 'AuthKey', configuration)
    const hosts = new Hosts(this, 'Hosts', {
      configuration,
      tables,
      network,
      doorbellSecret,
      assign,
      authKey,
    })
    const { cluster, service } = hosts
    new TaskPermissions(this, 'Tasks', { configuration, api, sweep, cluster, service })
    new Scaling(this, 'Scaling', { configuration, service })
    new Events(this, 'Events', { sweep, taskStopped, cluster, deadLetters: functions.deadLetters })
    const httpApi = new Api(this, 'Api', { configuration, api, authorizer })
    new Alarms(this, 'Alarms', { configuration, functions })
    const { dashboard } = new FleetDashboard(this, 'Dashboard', {
      configuration,
      functions,
      tables,
      sweepLog: sweep.logGroup,
    })
    new Queries(this, 'Queries', {
      stackName: configuration.stackName,
      hosts: [hosts.logGroup],
      control: [api, sweep, taskStopped, assign].map((lambda) => lambda.logGroup),
    })
    this.#output('ApiUrl', httpApi.url, 'The API')
    this.#output(
      'AuthKeyArn',
      authKey.arn,
      'The KMS key that wraps data keys: AUTH_KEY of mooring import and export',
    )
    this.#output('DashboardUrl', dashboardUrl(this, dashboard.dashboardName), 'The dashboard')
    if (configuration.firstApiKey) {
      const { secret } = new FirstKey(this, 'FirstKey', { configuration, tables })
      const read = `aws secretsmanager get-secret-value --secret-id ${secret.secretArn}`
      const command = `${read} --query SecretString --output text`
      this.#output('ApiKeyCommand', command, 'Prints the API key of the first administrator')
    }
  }

  #output(name: string, value: string, description: string): void {
    new CfnOutput(this, name, { value, description })
  }
}

/** The secret that the doorbell and the servers share. A ring carries no truth, so a thief
 *  could only make servers look. */
function createDoorbellSecret(scope: Construct): Secret {
  const secret = new Secret(scope, 'DoorbellSecret', {
    description: 'Signs the rings that tell servers to look',
    generateSecretString: { passwordLength: 48, excludePunctuation: true },
    removalPolicy: RemovalPolicy.DESTROY,
  })
  Validations.of(secret).acknowledge({
    id: 'AwsSolutions-SMG4',
    reason:
      'Servers and the doorbell read it once; docs/operations.md says how to replace it with a rolling restart.',
  })
  return secret
}

/** The secret of the `api` Lambda alone. A thief could only make the API begin its
 *  listings at a position of choice. */
function createCursorSecret(scope: Construct): Secret {
  const secret = new Secret(scope, 'CursorSecret', {
    description: 'Signs the cursors of the listings of the API',
    generateSecretString: { passwordLength: 48, excludePunctuation: true },
    removalPolicy: RemovalPolicy.DESTROY,
  })
  Validations.of(secret).acknowledge({
    id: 'AwsSolutions-SMG4',
    reason: 'It protects no data; docs/operations.md says how to replace it without a caller noticing.',
  })
  return secret
}

function dashboardUrl({ region }: Stack, name: string): string {
  return `https://${region}.console.aws.amazon.com/cloudwatch/home?region=${region}#dashboards/dashboard/${name}`
}
