/** The exceptions to the rules of tidy.test.ts. A row that is no longer needed makes the test fail as
 *  well. */

/** Files of more than 250 lines, and why each is one file. */
export const BIG_FILES: Readonly<Record<string, string>> = {
  'docs/errors.ts': 'one table: every code is explained once',
  'test/core/architecture.test.ts': 'every rule that the tree has to keep',
  'test/core/requests/device-requests.test.ts':
    'each request of an operator, and each state that it may meet',
  'test/hosts/device/attempt.test.ts': 'each event of one socket, on one scene',
  'test/hosts/server/owned-devices.test.ts': 'each way in which a device comes to a server or leaves it',
  'test/lambdas/api/refusals.test.ts': 'one row for each refusal of the API',
  'core/protocol/membership.ts': 'all writes of membership in one place, as in ownership.ts',
  'core/protocol/ownership.ts':
    'all writes of ownership in one place, so that the protocol can be audited in one sitting',
  'core/requests/device-requests.ts':
    "all of an operator's requests about a device in one place, as in ownership.ts",
  'hosts/device/attempt.ts': 'one connect from permit to close: each handler of the socket belongs to it',
  'test/chaos/run.ts': 'one run of the chaos from the first server to the outcome',
  'test/core/operations/restart.test.ts': 'a story for each way in which a rolling restart can go',
  'test/core/placement/assign.test.ts': 'each race in which an assignment can lose',
  'test/hosts/auth-state/creds.test.ts': 'every moment at which credentials are read or written',
  'test/hosts/auth-state/data-keys.test.ts': 'every stage in the life of a data key',
  'test/hosts/auth-state/fencing.test.ts': 'every write of the auth state against every kind of later owner',
  'test/hosts/auth-state/inbox.test.ts': 'every way of a message through the inbox',
  'test/hosts/device/refusals.long.test.ts': 'one test for each refusal of WhatsApp',
  'test/lambdas/api/answers/explanation.test.ts': 'a sentence for each state that a device can be in',
  'test/lambdas/events.ts': 'the events that each Lambda gets, as AWS sends them',
  'test/lib/permissions.test.ts': 'every permission of every role, stated a second time',
  'test/simulation/memory-store.ts': 'one store with its expressions: it stands in for DynamoDB as a whole',
  'test/simulation/scenario.ts': 'every kind of fault with its chances: one table that is read as a whole',
}

/** Functions of more than 70 lines: the file and the name, and why each is one function. */
export const LONG_FUNCTIONS: Readonly<Record<string, string>> = {
  'hosts/server/owned-devices.ts createOwnedDevices':
    'listing, taking up and releasing change one map: a split would let a stale listing take a device up again',
  'cli/import/pace.ts createPace':
    'waits, looks and batches change one set of waiting devices: a cut would hand the changing set to each',
  'hosts/stalls/device-watch.ts watchDevice':
    'pieces of work, pauses and ages change together: split, they would hand four changing maps to each other',
  'bench/auth-state/acts.ts runActs': 'one scenario, read from top to bottom',
  'test/core/store/store-condition-contract.ts conditionContract': 'one test for each kind of condition',
  'test/local/doors.ts openDoors': 'the parts of a scene, which share its state',
  'aws/dynamodb-store.ts dynamoDbStore':
    'the operations of the port, each short: a cut would repeat the client, the names and the limit in each',
  'hosts/auth-state/inbox.ts openInbox':
    'all operations change one stored item, which is saved whole: split, a save could miss half of a change',
  'hosts/auth-state/items.ts openItems':
    'cache and store agree only if every request passes here: a cut would open a way around the turns',
  'hosts/device/connection.ts keepConnection': 'the life of a device on a server: its parts share its state',
  'hosts/device/send.ts createOutgoing':
    'texts wait for sockets, and sockets wake texts: a cut would pass the set of the waiting both ways',
  'hosts/server/listener.ts listen': 'the requests that one listener answers, which share its limits',
  'hosts/server/server.ts runServer': 'the life of a server: its parts share its state',
  'hosts/whatsapp/send-queries.ts createSendQueries':
    'the queries of one send in their order: a cut would pass the answers under way to every query',
  'lib/alarms.ts plans': 'one list of alarms',
  'local/fleet.ts build': 'the parts of a fleet in the order in which they start',
  'local/service.ts createService':
    'start, end and replacement count the same tasks: split, they could start one too many',
  'local/whatsapp/connection.ts openConnection': 'the frames of one connection, which share its state',
  'local/whatsapp/damage/notification-samples.ts notificationSamples': 'one list of samples',
  'local/whatsapp/damage/payloads.ts payloadDamages': 'one list of damages',
  'local/whatsapp/messages.ts makeMessages':
    'the way of one message to its copies: a cut would pass world, queue and reading through every step',
  'local/whatsapp/offline-queue.ts makeOfflineQueue':
    'delivery, receipt and retry change the same queue, in one order: split, that order could not be seen',
  'local/whatsapp/switchboard.ts makeSwitchboard':
    'login, stanza and close change one map of owners: a cut would export the map to change',
  'test/chaos/database-watch.ts watchDatabase':
    'each request that it hears changes several of its records: split, the records would be open to all',
  'test/chaos/evil.ts createEvildoer': 'one case for each evil',
  'test/chaos/mooring.ts startMooring': 'the parts of a fleet under chaos, which share its state',
  'test/chaos/strikes.ts createStrikes': 'one case for each strike',
  'test/core/store/store-read-contract.ts readContract': 'one test for each rule of reading',
  'test/core/store/store-write-contract.ts writeContract': 'one test for each rule of writing',
  'test/hosts/auth-state/keys/kms-stand-in.ts startKmsStandIn': 'the operations of KMS, which share its keys',
  'test/hosts/device/connection-scene.ts aConnection': 'the parts of a scene, which share its state',
  'test/hosts/takeover/mortal-host.ts startHost': 'the parts of a host that can die, which share its state',
  'test/hosts/takeover/order-of-texts.ts orderScene':
    'the steps of a scene, two to ten lines each: a cut would pass hosts and texts to every step',
  "test/hosts/takeover/zombie.test.ts 'an old host that wakes after a takeover changes nothing', async () => {":
    'one story',
  'test/simulation/faults.ts strike': 'one case for each kind of fault',
  'test/simulation/fleet.ts createFleet':
    'start, end and restart of a process call each other: half of the length is the wiring of one server',
  'test/simulation/invariants-sockets.ts judgeSockets':
    'each event is judged by what the other events left: a cut would export wires and epochs to change',
  'test/simulation/lambdas.ts createLambdas':
    'an invocation from its order to its end: a cut would pass stage, counts and sweeps to each step',
  'test/simulation/memory-store.ts createMemory':
    'the operations of the port, each short: a cut would export the tables to change',
  'test/simulation/network.ts call': 'the way of one request: each fault of the network is one step of it',
  'test/simulation/network.ts createNetwork':
    'call and fateOf use its five arguments: outside, each request would have to carry them',
  'test/simulation/operators.ts createOperators': 'one case for each thing that an operator asks',
  'test/simulation/socket.ts simulatedSockets': 'the events of a simulated socket, which share its state',
  'test/simulation/virtual-clock.ts virtualClock':
    'freeze, sleep and release move the same timers: split, a timer could be due in one part alone',
  'test/simulation/whatsapp.ts createWhatsApp':
    'login, close and unlink change one map of holders: a cut would export the map to change',
}

/** Tests of a topic that no single source file holds, by folder and name. `*`: every test of the folder. */
export const TOPIC_TESTS: Readonly<Record<string, readonly string[]>> = {
  'test/browser': ['*'],
  'test/cli': ['plain-output'],
  'test/cli/import': ['kms'],
  'test/cli/import/sources': ['key-store-fixtures', 'values-for-names'],
  'test/core': ['architecture', 'gate', 'tidy'],
  'test/docs': ['links'],
  'test/examples': ['*'],
  'test/fleet': ['*'],
  'test/hosts/auth-state': ['fencing', 'key-types', 'requests', 'sealed-once', 'sequence', 'size-limit'],
  'test/hosts/device': [
    'pairing',
    'refusals',
    'retry-time',
    'unproven-credentials',
    'unreadable-credentials',
  ],
  'test/hosts/isolation': ['evil-whatsapp', 'fault-flood', 'fault'],
  'test/hosts/server': ['connect-storm'],
  'test/hosts/takeover': ['failing-commit', 'order', 'takeover', 'zombie'],
  'test/hosts/whatsapp': ['person'],
  'test/hosts/whatsapp/signal': ['sessions'],
  'test/lambdas/api': ['scopes'],
  'test/lambdas/api/answers': ['explanations-over-http'],
  'test/lib': [
    'alarm-delivery',
    'bundles',
    'cdk-json',
    'constructs',
    'dockerfile',
    'environment',
    'nag',
    'observability',
  ],
  'test/local': ['start-faults'],
  'test/local/whatsapp': ['pairing', 'repeats'],
  'test/simulation': ['simulation'],
}

/** Names that two files of a room export on purpose: the two never meet in one file. */
export const SHARED_NAMES: Readonly<Record<string, readonly string[]>> = {
  core: ['resume', 'PlannedMove'],
  // Each entry file of a Lambda has one.
  lambdas: ['handler'],
  hosts: ['wordsOf'],
}
