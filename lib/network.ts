/** The network of the servers. The doorbell function alone may call their port. */
import { RemovalPolicy, Validations } from 'aws-cdk-lib'
import {
  GatewayVpcEndpointAwsService,
  Port,
  SecurityGroup,
  type SubnetSelection,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2'
import { Construct } from 'constructs'
import type { Configuration } from './configuration.ts'

export const SERVER_PORT = 8080
const ZONES = 2

export class Network extends Construct {
  readonly vpc: Vpc
  readonly serverSubnets: SubnetSelection
  readonly serverSecurityGroup: SecurityGroup
  readonly serversHavePublicAddresses: boolean
  /** Subnets without a route to the internet. */
  readonly doorbellSubnets: SubnetSelection
  readonly doorbellSecurityGroup: SecurityGroup

  constructor(scope: Construct, id: string, configuration: Configuration) {
    super(scope, id)
    const isPublic = configuration.network === 'public'
    this.vpc = new Vpc(this, 'Vpc', {
      maxAzs: ZONES,
      natGateways: isPublic ? 0 : ZONES,
      restrictDefaultSecurityGroup: false,
      subnetConfiguration: [
        { name: 'Public', subnetType: SubnetType.PUBLIC, cidrMask: 20 },
        ...(isPublic ? [] : [{ name: 'Servers', subnetType: SubnetType.PRIVATE_WITH_EGRESS, cidrMask: 20 }]),
        { name: 'Doorbell', subnetType: SubnetType.PRIVATE_ISOLATED, cidrMask: 24 },
      ],
      // Free of charge, and servers talk mostly to DynamoDB.
      gatewayEndpoints: { DynamoDb: { service: GatewayVpcEndpointAwsService.DYNAMODB } },
    })
    this.vpc.applyRemovalPolicy(RemovalPolicy.DESTROY)
    this.serversHavePublicAddresses = isPublic
    this.serverSubnets = { subnetGroupName: isPublic ? 'Public' : 'Servers' }
    this.doorbellSubnets = { subnetGroupName: 'Doorbell' }
    this.serverSecurityGroup = new SecurityGroup(this, 'ServerGroup', {
      vpc: this.vpc,
      description: 'Servers: reached by the doorbell alone, call WhatsApp and AWS',
    })
    this.doorbellSecurityGroup = new SecurityGroup(this, 'DoorbellGroup', {
      vpc: this.vpc,
      description: 'The doorbell: calls servers and nothing else',
      allowAllOutbound: false,
    })
    this.doorbellSecurityGroup.connections.allowTo(this.serverSecurityGroup, Port.tcp(SERVER_PORT), 'ring')
    Validations.of(this.vpc).acknowledge({
      id: 'AwsSolutions-VPC7',
      reason:
        'Nothing in this network listens but the doorbell port, which the security groups open to one function; ' +
        'flow logs of every socket to WhatsApp would cost more than the servers and show encrypted traffic.',
    })
  }
}
