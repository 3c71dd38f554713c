/** The exceptions to the rules of tidy.test.ts. A row that is needed no more makes the test fail as well. */

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
  'hosts/server/owned-devices.ts createOwnedDevices': 'one list of devices with its times',
  'hosts/stalls/device-watch.ts watchDevice': 'short functions that share the work of one device',
  'bench/auth-state/acts.ts runActs': 'one scenario, read from top to bottom',
  'test/core/store/store-condition-contract.ts conditionContract': 'one test for each kind of condition',
  'test/local/doors.ts openDoors': 'the parts of a scene, which share its state',
  'aws/dynamodb-store.ts dynamoDbStore': 'seven short operations that share the client',
  'hosts/auth-state/inbox.ts openInbox': 'short functions that share the inbox of one device',
  'hosts/auth-state/items.ts openItems': 'short functions that share the items of one device',
  'hosts/device/connection.ts keepConnection': 'the life of a device on a server: its parts share its state',
  'hosts/device/send.ts createOutgoing': 'short functions that share the messages under way',
  'hosts/server/listener.ts listen': 'the requests that one listener answers, which share its limits',
  'hosts/server/server.ts runServer': 'the life of a server: its parts share its state',
  'hosts/whatsapp/send-queries.ts createSendQueries': 'short functions that share the queries under way',
  'lib/alarms.ts plans': 'one list of alarms',
  'local/fleet.ts build': 'the parts of a fleet in the order in which they start',
  'local/service.ts createService': 'short functions that share the tasks of the service',
  'local/whatsapp/connection.ts openConnection': 'the frames of one connection, which share its state',
  'local/whatsapp/damage/notification-samples.ts notificationSamples': 'one list of samples',
  'local/whatsapp/damage/payloads.ts payloadDamages': 'one list of damages',
  'local/whatsapp/messages.ts makeMessages': 'short functions that share the messages of an account',
  'local/whatsapp/offline-queue.ts makeOfflineQueue': 'short functions that share the queue',
  'local/whatsapp/switchboard.ts makeSwitchboard': 'short functions that share the connections',
  'test/chaos/database-watch.ts watchDatabase': 'short functions that share what the watch has heard',
  'test/chaos/evil.ts createEvildoer': 'one case for each evil',
  'test/chaos/mooring.ts startMooring': 'the parts of a fleet under chaos, which share its state',
  'test/chaos/strikes.ts createStrikes': 'one case for each strike',
  'test/core/store/store-read-contract.ts readContract': 'one test for each rule of reading',
  'test/core/store/store-write-contract.ts writeContract': 'one test for each rule of writing',
  'test/hosts/auth-state/keys/kms-stand-in.ts startKmsStandIn': 'the operations of KMS, which share its keys',
  'test/hosts/device/connection-scene.ts aConnection': 'the parts of a scene, which share its state',
  'test/hosts/takeover/mortal-host.ts startHost': 'the parts of a host that can die, which share its state',
  'test/hosts/takeover/order-of-texts.ts orderScene': 'short functions that share the texts of a scene',
  "test/hosts/takeover/zombie.test.ts 'an old host that wakes after a takeover changes nothing', async () => {":
    'one story',
  'test/simulation/faults.ts strike': 'one case for each kind of fault',
  'test/simulation/fleet.ts createFleet': 'short functions that share the simulated processes',
  'test/simulation/invariants-sockets.ts judgeSockets': 'short functions that share what the judge has seen',
  'test/simulation/lambdas.ts createLambdas': 'short functions that share the invocations under way',
  'test/simulation/memory-store.ts createMemory': 'short functions that share the tables',
  'test/simulation/network.ts call': 'the way of one request: each fault of the network is one step of it',
  'test/simulation/network.ts createNetwork': 'short functions that share the requests on their way',
  'test/simulation/operators.ts createOperators': 'one case for each thing that an operator asks',
  'test/simulation/socket.ts simulatedSockets': 'the events of a simulated socket, which share its state',
  'test/simulation/virtual-clock.ts virtualClock': 'short functions that share one virtual time',
  'test/simulation/whatsapp.ts createWhatsApp': 'short functions that share the accounts',
}

/** Tests of a topic that no single source file holds, by folder and name. `*`: every test of the folder. */
export const TOPIC_TESTS: Readonly<Record<string, readonly string[]>> = {
  'test/browser': ['*'],
  'test/cli/import': ['kms'],
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
  'test/lib': ['bundles', 'constructs', 'environment', 'nag', 'observability'],
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
