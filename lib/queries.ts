/** Saved queries of CloudWatch Logs Insights. They answer the questions that operators of the older system
 *  asked its logs and its database. */
import { CfnQueryDefinition, type ILogGroup } from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'
import type { EventName } from '../core/catalogue.ts'

/** The devices of each server, as the latest sweep measured them. */
export const DISTRIBUTION = [
  `filter event = "${named('server.measured')}"`,
  'stats latest(load) as devices, latest(connected) as open, latest(capacity) as room by name',
  'sort devices desc',
] as const

const SHOWN = 'fields @timestamp, event, deviceId, serverId, epoch, why, code'

interface SavedQuery {
  readonly name: string
  readonly in: 'hosts' | 'control'
  readonly lines: readonly string[]
}

const SAVED: readonly SavedQuery[] = [
  {
    name: 'Good: ownership checked, connecting, connected',
    in: 'hosts',
    lines: [SHOWN, anyOf('device.permit_granted', 'device.connected'), 'sort @timestamp desc', 'limit 500'],
  },
  {
    name: 'Prevented: somebody else owns the device',
    in: 'hosts',
    lines: [
      SHOWN,
      anyOf('device.permit_refused', 'device.stale_write_refused', 'server.fenced', 'server.beat_refused'),
      'sort @timestamp desc',
      'limit 500',
    ],
  },
  {
    name: 'Prevented: claims lost to another caller',
    in: 'control',
    lines: [SHOWN, anyOf('device.claim_lost'), 'sort @timestamp desc', 'limit 500'],
  },
  {
    name: 'Bad: conflicts (440)',
    in: 'hosts',
    lines: [SHOWN, anyOf('device.conflict', 'device.conflicted'), 'sort @timestamp desc', 'limit 500'],
  },
  {
    name: 'Bad: errors of devices and servers',
    in: 'hosts',
    lines: [
      SHOWN,
      anyOf('device.fault', 'server.crashed', 'socket.stray_rejection'),
      'sort @timestamp desc',
      'limit 500',
    ],
  },
  { name: 'Distribution per server', in: 'control', lines: DISTRIBUTION },
  {
    name: 'Devices disconnected in the last 15 minutes',
    in: 'hosts',
    lines: [
      SHOWN,
      anyOf('device.disconnected', 'device.conflict', 'device.logged_out'),
      // now() is in seconds.
      'filter toMillis(@timestamp) >= now() * 1000 - 900000',
      'stats count() as times, latest(@timestamp) as last, latest(code) as lastCode, latest(serverId) ' +
        'as server by deviceId',
      'sort last desc',
    ],
  },
  {
    name: 'Servers buried, and why',
    in: 'control',
    lines: [SHOWN, anyOf('server.buried', 'server.burial_deferred'), 'sort @timestamp desc', 'limit 200'],
  },
  {
    name: 'What happened to one device',
    in: 'hosts',
    lines: [SHOWN, 'filter deviceId = "PUT-THE-DEVICE-ID-HERE"', 'sort @timestamp asc', 'limit 1000'],
  },
]

export interface QueriesProps {
  readonly stackName: string
  readonly hosts: readonly ILogGroup[]
  readonly control: readonly ILogGroup[]
}

export class Queries extends Construct {
  constructor(scope: Construct, id: string, props: QueriesProps) {
    super(scope, id)
    SAVED.forEach(({ name, lines, in: where }, number) => {
      new CfnQueryDefinition(this, `Query${number + 1}`, {
        // Slashes make folders in the console.
        name: `${props.stackName}/${name}`,
        queryString: lines.join('\n| '),
        logGroupNames: props[where].map((group) => group.logGroupName),
      })
    })
  }
}

/** Takes only events of the catalogue, so that no query searches for an event that nobody emits. */
function anyOf(...events: EventName[]): string {
  return `filter event in [${events.map((event) => `"${event}"`).join(', ')}]`
}

function named(event: EventName): EventName {
  return event
}
