/** How many servers run: more when the fleet fills up. Fewer only by the sweep, which drains the least loaded server
 *  first (core/sweep/scaling.ts): a plain scale-in would stop servers that hold devices. */
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
      // A task needs about a minute to join and to lower the figure.
      scaleOutCooldown: Duration.minutes(3),
    })
  }
}
