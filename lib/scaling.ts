/** Scales the service out when the fleet fills up. The sweep alone scales in, because it drains the least
 *  loaded server first (core/sweep/scaling.ts). The scale-in of AWS would stop servers that hold devices. */
import { Duration } from 'aws-cdk-lib'
import type { FargateService } from 'aws-cdk-lib/aws-ecs'
import { Construct } from 'constructs'
import type { Configuration } from './configuration.ts'
import { metricOf } from './metrics.ts'

export class Scaling extends Construct {
  constructor(
    scope: Construct,
    id: string,
    props: { configuration: Configuration; service: FargateService },
  ) {
    super(scope, id)
    const { configuration, service } = props
    const scaling = service.autoScaleTaskCount({
      minCapacity: configuration.minimumServers,
      maxCapacity: configuration.maximumServers,
    })
    scaling.scaleToTrackCustomMetric('Utilisation', {
      metric: metricOf('Utilisation', 'sweep', 'Average'),
      targetValue: configuration.targetUtilisationPercent,
      disableScaleIn: true,
      // A new server needs about a minute to join, and only then lowers the utilisation.
      scaleOutCooldown: Duration.minutes(3),
    })
  }
}
