/** The one catalogue of metrics and log events. Log lines, EMF metrics, the dashboard and the alarms are
 *  all made from it, so that they cannot disagree. */

export const METRICS = {
  Assignments: { unit: 'Count', churn: true, says: 'devices given to a server' },
  Releases: { unit: 'Count', churn: true, says: 'devices released by their owner' },
  Evictions: { unit: 'Count', churn: true, says: 'devices taken from a buried or departed server' },
  Moves: { unit: 'Count', churn: true, says: 'devices asked to move to another server' },
  Burials: { unit: 'Count', churn: true, says: 'servers declared dead' },
  BurialsDeferred: { unit: 'Count', churn: false, says: 'silent servers spared by the brake' },
  PermitsRefused: { unit: 'Count', churn: true, says: 'connects that the ownership check prevented' },
  FencedServers: {
    unit: 'Count',
    churn: true,
    says: 'servers that closed every socket because their lease ended',
  },
  Conflicts: {
    unit: 'Count',
    churn: true,
    says: 'sockets closed by WhatsApp with close code 440; must be 0',
  },
  DeviceFaults: { unit: 'Count', churn: true, says: 'sockets ended by an error in the work of their device' },
  StrayRejections: { unit: 'Count', churn: false, says: 'harmless rejections that nobody awaited' },
  ServerCrashes: { unit: 'Count', churn: true, says: 'servers ended by an error that belongs to no device' },
  Quarantines: {
    unit: 'Count',
    churn: true,
    says: 'devices quarantined, because their servers died again and again',
  },
  QuarantinesDeferred: { unit: 'Count', churn: false, says: 'quarantines beyond what an hour allows' },
  Connects: { unit: 'Count', churn: true, says: 'sockets that have logged in' },
  Disconnects: { unit: 'Count', churn: true, says: 'sockets that closed without being asked to' },
  StaleWritesRefused: {
    unit: 'Count',
    churn: true,
    says: 'auth-state writes refused because a newer socket has written',
  },
  SecondsWithoutSocket: { unit: 'Seconds', churn: false, says: 'from losing a socket to the next login' },
  MovesFinished: { unit: 'Count', churn: true, says: 'devices that connected after a requested move' },
  MoveSeconds: {
    unit: 'Seconds',
    churn: true,
    says: 'seconds without a socket in requested moves, added up',
  },
  ConnectMilliseconds: { unit: 'Milliseconds', churn: false, says: 'from permit to login' },
  Stalls: { unit: 'Count', churn: false, says: 'sockets whose work WhatsApp or the store left unanswered' },
  OldestUnansweredSeconds: {
    unit: 'Seconds',
    churn: false,
    says: 'age of the oldest unanswered work of any device of a server',
  },
  MessagesReceived: { unit: 'Count', churn: false, says: 'messages that a device received' },
  DevicesConnected: { unit: 'Count', churn: false, says: 'devices connected, at a look of the sweep' },
  DevicesAssigned: {
    unit: 'Count',
    churn: false,
    says: 'devices reserved or owned by active servers, at a look',
  },
  DevicesUnassigned: { unit: 'Count', churn: false, says: 'running devices without a server, at a look' },
  ServersActive: { unit: 'Count', churn: false, says: 'servers that take devices, at a look' },
  Utilisation: { unit: 'Percent', churn: false, says: 'load of the active servers / their capacity' },
  LoadCorrections: { unit: 'Count', churn: false, says: 'load counters set to the true count' },
  LooksFailed: { unit: 'Count', churn: false, says: 'looks of a sweep, or parts of them, that failed' },
  RequestsRefused: {
    unit: 'Count',
    churn: false,
    says: 'rings and sends that a server refused because of a wrong signature',
  },
  ConnectionsDropped: {
    unit: 'Count',
    churn: false,
    says: 'connections to a server that were too slow or too many',
  },
  TemporaryBans: { unit: 'Count', churn: false, says: 'logins refused because of a temporary ban (402)' },
  ClientOutdated: {
    unit: 'Count',
    churn: false,
    says: "logins refused because of the client's version (405); must be 0",
  },
  UnknownLogouts: { unit: 'Count', churn: false, says: 'devices logged out without a reason (406)' },
  LoginsRefused: { unit: 'Count', churn: false, says: 'logins refused by WhatsApp for any other reason' },
} as const

export type MetricName = keyof typeof METRICS
export type ChurnMetric = {
  [M in MetricName]: (typeof METRICS)[M]['churn'] extends true ? M : never
}[MetricName]

export const CHURN_METRICS = (Object.keys(METRICS) as MetricName[]).filter(
  (name): name is ChurnMetric => METRICS[name].churn,
)

export type Level = 'info' | 'warn' | 'error'

interface EventDefinition {
  readonly level: Level
  /** Counted by one each time the event is emitted. */
  readonly counts?: MetricName
}

export const EVENTS = {
  'device.registered': { level: 'info' },
  'device.assigned': { level: 'info', counts: 'Assignments' },
  'device.claim_lost': { level: 'info' },
  'device.no_room': { level: 'warn' },
  'device.permit_granted': { level: 'info' },
  'device.permit_refused': { level: 'warn', counts: 'PermitsRefused' },
  'device.connected': { level: 'info', counts: 'Connects' },
  'device.disconnected': { level: 'info', counts: 'Disconnects' },
  'device.pairing': { level: 'info' },
  'device.paired': { level: 'info' },
  'device.pairing_discarded': { level: 'info' },
  'device.pairing_timed_out': { level: 'info' },
  'device.conflict': { level: 'error', counts: 'Conflicts' },
  'device.conflicted': { level: 'error' },
  'device.logged_out': { level: 'warn' },
  'device.banned': { level: 'warn', counts: 'TemporaryBans' },
  'device.client_outdated': { level: 'error', counts: 'ClientOutdated' },
  'device.logout_unknown': { level: 'error', counts: 'UnknownLogouts' },
  'device.login_refused': { level: 'warn', counts: 'LoginsRefused' },
  'device.closed': { level: 'info' },
  'device.released': { level: 'info', counts: 'Releases' },
  'device.evicted': { level: 'warn', counts: 'Evictions' },
  'device.move_requested': { level: 'info', counts: 'Moves' },
  'device.requested': { level: 'info' },
  'device.erased': { level: 'info' },
  'device.message_received': { level: 'info', counts: 'MessagesReceived' },
  'device.message_sent': { level: 'info' },
  'device.messages_held_up': { level: 'warn' },
  'device.stale_write_refused': { level: 'warn', counts: 'StaleWritesRefused' },
  'device.data_keys_written': { level: 'info' },
  'device.data_keys_unchanged': { level: 'warn' },
  'device.auth_item_unreadable': { level: 'error' },
  'device.auth_item_too_large': { level: 'error' },
  'device.failed': { level: 'error' },
  'device.fault': { level: 'error', counts: 'DeviceFaults' },
  'device.suspected': { level: 'warn' },
  'device.quarantined': { level: 'error', counts: 'Quarantines' },
  'device.quarantine_deferred': { level: 'error', counts: 'QuarantinesDeferred' },
  'device.stalled': { level: 'error', counts: 'Stalls' },
  'device.recovered': { level: 'info' },
  'server.unanswered': { level: 'info' },
  'server.joining': { level: 'info' },
  'server.joined': { level: 'info' },
  'server.name_taken': { level: 'error' },
  'server.beat_failed': { level: 'warn' },
  'server.beat_refused': { level: 'error' },
  'server.fenced': { level: 'error', counts: 'FencedServers' },
  'server.recovered': { level: 'info' },
  'server.draining': { level: 'info' },
  'server.left': { level: 'info' },
  'server.buried': { level: 'warn', counts: 'Burials' },
  'server.burial_deferred': { level: 'error', counts: 'BurialsDeferred' },
  'server.measured': { level: 'info' },
  'server.load_corrected': { level: 'warn', counts: 'LoadCorrections' },
  'server.task_stopped': { level: 'info' },
  'server.failed': { level: 'error' },
  'server.stuck': { level: 'error' },
  'server.crashed': { level: 'error', counts: 'ServerCrashes' },
  'socket.stray_rejection': { level: 'warn', counts: 'StrayRejections' },
  'doorbell.unanswered': { level: 'warn' },
  'doorbell.refused': { level: 'warn' },
  'send.refused': { level: 'warn' },
  'connection.dropped': { level: 'warn' },
  'placement.unasked': { level: 'warn' },
  'operation.begun': { level: 'info' },
  'operation.ended': { level: 'info' },
  'operation.failed': { level: 'error' },
  'rebalancing.changed': { level: 'info' },
  'sweep.measured': { level: 'info' },
  'sweep.finished': { level: 'info' },
  'sweep.look_failed': { level: 'error', counts: 'LooksFailed' },
  'task.stop_asked': { level: 'info' },
  'task.stop_failed': { level: 'warn' },
  'task.stop_skipped': { level: 'info' },
  'service.resized': { level: 'info' },
  'service.full': { level: 'warn' },
  'service.unscaled': { level: 'error' },
  'telemetry.unflushed': { level: 'warn' },
  'request.failed': { level: 'error' },
} as const satisfies Record<string, EventDefinition>

export type EventName = keyof typeof EVENTS

/** The metric that an event counts, if any. */
export function countedBy(event: EventName): MetricName | undefined {
  const definition: EventDefinition = EVENTS[event]
  return definition.counts
}
