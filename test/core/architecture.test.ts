/** The tree is the architecture: these rules can be read off the text of the files, so they are. */
import assert from 'node:assert/strict'
import { dirname, join, relative } from 'node:path'
import { describe, test } from 'node:test'
import { circlesOf } from './circles.ts'
import { code, commentsOf, documents, filesOf, importsOf, isThere, read } from './source-tree.ts'

/** The name of a file; before it, in backticks, a name that is said to be in that file. */
const NAMED_FILE = /(?:`(\w+)`,? in `?)?(?<![\w./-])((?:[\w-]+\/)*[\w-]+(?:\.long)?(?:\.test|\.d)?\.ts)\b/g

/** In a string: a path from the file's own folder upwards. */
const PATH_IN_STRING = /[`'"/]((?:\.\.\/)+[\w./-]+\.(?:ts|js|json|html))[`'"]/g

/** Which rooms, and which single files of other rooms, each room may import besides itself. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  core: [],
  aws: ['core'],
  lambdas: ['core', 'aws'],
  hosts: ['core', 'aws'],
  local: ['core', 'aws', 'lambdas', 'hosts', 'cli/ansi.ts'],
  bench: ['core', 'aws', 'hosts', 'local'],
  // It names the entry files of lambdas and hosts, and imports none of them: only the list of their names,
  // and the namespace of the metrics.
  lib: ['core', 'aws/powertools-telemetry.ts', 'lambdas/functions.ts'],
  // It writes the tables of errors and of options into documents.
  docs: ['core/errors.ts', 'lambdas/api/statuses.ts', 'hosts/server/statuses.ts', 'lib/configuration.ts'],
  // It calls the API; of lambdas it takes the types of what the API answers, and runs none of it. Credentials
  // that come in or go out are sealed and opened as servers do it.
  cli: ['core', 'aws/dynamodb-store.ts', 'lambdas/api', 'hosts/auth-state'],
}

/** The rooms of a folder in their order: a room imports only rooms that come before it. `.` is the folder's
 *  own files. In hosts and lambdas these root files put the rooms together, so they may import every room
 *  and are not listed. */
const ORDER: Record<string, readonly string[]> = {
  core: ['.', 'store', 'protocol', 'telemetry', 'requests', 'placement', 'operations', 'balance', 'sweep'],
  hosts: [
    'isolation',
    'stalls',
    'auth-state/keys',
    'auth-state',
    'whatsapp/signal',
    'whatsapp',
    'messages',
    'device',
    'server',
  ],
  lambdas: ['adapters', 'api', 'api/answers', 'api/routes'],
}

/** The folders whose root files put the rooms together. */
const PUT_TOGETHER = ['hosts', 'lambdas']

/** The list of all routes. It puts one room together, so it may import a room that comes after its own. */
const ROUTE_LIST = 'lambdas/api/routes.ts'

/** The root files that rooms import besides the worlds, each with its importers. The authorizer has the type
 *  of a caller, and lambdas/api-keys.ts the order of the scopes. */
const ROOT_IMPORTS: Record<string, readonly string[]> = {
  'lambdas/api-keys.ts': ['lambdas/api/authorise.ts'],
  'lambdas/authorizer.ts': [
    'lambdas/api/authorise.ts',
    'lambdas/api/event.ts',
    'lambdas/api/record-request.ts',
    'lambdas/api/route.ts',
  ],
}

/** These files hold the types of the worlds that rooms are handed, so they may name every room. */
const WORLDS = ['core/world.ts', 'hosts/world.ts', 'lambdas/world.ts', 'lambdas/api/world.ts']

const LAMBDA_ENTRIES = ['api', 'assign', 'authorizer', 'doorbell', 'sweep', 'task-stopped', 'first-key'].map(
  (name) => `lambdas/${name}.ts`,
)

/** Only here may time, chance and the environment be touched: where they become values that are handed in.
 *  The entry files read the environment; the real WhatsApp socket lives in real time, and a simulation has
 *  another one. */
const WORLD_FILES: Record<string, readonly string[]> = {
  'Date.now(': ['core/clock.ts'],
  'performance.now(': ['core/clock.ts'],
  'setTimeout(': ['core/clock.ts', 'hosts/main.ts', 'hosts/whatsapp/baileys-socket.ts'],
  'setInterval(': ['hosts/main.ts', 'hosts/isolation/watchdog.ts'],
  'Math.random(': ['core/random.ts'],
  'process.env': [...LAMBDA_ENTRIES, 'hosts/main.ts'],
}

/** Who writes which table. Nobody else decides who owns a device or whether a server lives. */
const WRITERS: Record<string, readonly string[]> = {
  Devices: [
    'core/protocol/ownership.ts',
    'core/requests/device-requests.ts',
    'core/requests/import.ts',
    'core/requests/undo-import.ts',
  ],
  Servers: ['core/protocol/membership.ts', 'core/requests/server-requests.ts'],
  Operations: [
    'core/balance/ledger.ts',
    'core/operations/operations.ts',
    'core/placement/quarantine-limit.ts',
    'core/requests/account-claim.ts',
    'core/sweep/cool-down.ts',
  ],
}

/** Files of core that read the history: for people, and to erase it with its device. */
const HISTORY_READERS = [
  'core/requests/device-requests.ts',
  'core/telemetry/churn.ts',
  'core/telemetry/conflicts.ts',
  'core/telemetry/history.ts',
  'core/telemetry/sweep-stamp.ts',
]

describe('imports point towards core', () => {
  for (const [room, allowed] of Object.entries(MAY_IMPORT)) {
    test(`${room} imports ${['itself', ...allowed].join(', ')} and nothing else`, () => {
      const strays = filesOf(room).flatMap((file) =>
        importsOf(file)
          .filter(
            (path) => ![room, ...allowed].some((place) => path === place || path.startsWith(`${place}/`)),
          )
          .map((path) => `${file} imports ${path}`),
      )

      assert.deepEqual(strays, [])
    })
  }
})

describe('a room imports only rooms before it', () => {
  for (const [folder, rooms] of Object.entries(ORDER)) {
    test(`${folder}: ${rooms.join(' < ')}`, (context) => {
      context.diagnostic(`${folder} imports in this order: ${rooms.join(' < ')}`)
      const floorOf = (file: string) => rooms.indexOf(relative(folder, dirname(file)) || '.')

      const climbs = filesOf(folder)
        .filter((file) => floorOf(file) >= 0)
        .flatMap((file) =>
          importsOf(file)
            .filter(
              (path) => !WORLDS.includes(path) && !WORLDS.includes(file) && floorOf(path) > floorOf(file),
            )
            .filter((path) => file !== ROUTE_LIST || dirname(path) !== 'lambdas/api/routes')
            .map((path) => `${file} imports ${path}`),
        )

      assert.deepEqual(climbs, [])
    })

    test(`${folder} has no room that the order leaves out`, () => {
      const found = new Set(filesOf(folder).map((file) => relative(folder, dirname(file)) || '.'))

      const unknown = [...found].filter(
        (room) => !rooms.includes(room) && !(room === '.' && PUT_TOGETHER.includes(folder)),
      )

      assert.deepEqual(unknown, [])
    })
  }
})

test('rooms import no root file of hosts and lambdas but the worlds and the listed ones', () => {
  const isRootFile = (file: string) => PUT_TOGETHER.includes(dirname(file))
  const imports = PUT_TOGETHER.flatMap(filesOf)
    .filter((file) => !isRootFile(file))
    .flatMap((file) => importsOf(file).map((path) => ({ file, path })))
    .filter(({ path }) => isRootFile(path) && !WORLDS.includes(path))

  const found = [...Map.groupBy(imports, ({ path }) => path)].map(([path, importers]) => [
    path,
    importers.map(({ file }) => file),
  ])

  assert.deepEqual(Object.fromEntries(found), ROOT_IMPORTS)
})

test('no file imports itself by way of others', () => {
  const files = Object.keys(MAY_IMPORT).flatMap(filesOf)

  assert.deepEqual(circlesOf(new Map(files.map((file) => [file, importsOf(file)]))), [])
})

test('a circle would be found', () => {
  const imports = new Map([
    ['a.ts', ['b.ts']],
    ['b.ts', ['c.ts']],
    ['c.ts', ['b.ts']],
  ])

  assert.deepEqual(circlesOf(imports), [['b.ts', 'c.ts']])
})

describe('every file that a comment, a document or a string names is there', () => {
  test('in the comments of the code', () => {
    const files = [...Object.keys(MAY_IMPORT), 'test'].flatMap(filesOf)

    assert.deepEqual(
      files.flatMap((file) => danglingIn(file, commentsOf(file))),
      [],
    )
  })

  test('in the documents', () => {
    assert.deepEqual(
      documents().flatMap((file) => danglingIn(file, read(file))),
      [],
    )
  })

  // A preload that looked for a module at its old place once left the chaos without its application.
  test('in the strings of the code', () => {
    const files = [...Object.keys(MAY_IMPORT), 'test'].flatMap(filesOf)

    assert.deepEqual(
      files.flatMap((file) =>
        pathsInStrings(code(file))
          .filter((path) => !isThere(join(dirname(file), path)))
          .map((path) => `${file} names ${path}`),
      ),
      [],
    )
  })

  test('one that is not there would be found', () => {
    const up = '../'
    assert.deepEqual(pathsInStrings(`new URL('${up}a.ts', import.meta.url)`), [`${up}a.ts`])
    assert.deepEqual(pathsInStrings(`{here}/${up}b.json'`), [`${up}b.json`])
    assert.deepEqual(danglingIn('core/ids.ts', 'see nowhere.ts'), ['core/ids.ts names nowhere.ts'])
    assert.deepEqual(danglingIn('core/ids.ts', 'see `nothing` in core/clock.ts'), [
      'core/ids.ts names `nothing` in core/clock.ts',
    ])
    assert.deepEqual(danglingIn('core/ids.ts', 'see clock.ts and `sleep` in core/clock.ts'), [])
  })
})

test('cli imports only types from lambdas', () => {
  const run = filesOf('cli').filter((file) =>
    /import (?!type )[^']*from '(?:\.\.\/)+lambdas\//.test(code(file)),
  )

  assert.deepEqual(run, [])
})

describe('time, chance and the environment are handed in', () => {
  for (const [call, allowed] of Object.entries(WORLD_FILES)) {
    test(`of aws, core, lambdas and hosts only ${allowed.join(', ')} may say ${call}`, () => {
      const users = ['aws', 'core', 'lambdas', 'hosts']
        .flatMap(filesOf)
        .filter((file) => code(file).includes(call) && !allowed.includes(file))

      assert.deepEqual(users, [])
    })
  }
})

describe('the history decides nothing: every server may write it', () => {
  test(`of core only ${HISTORY_READERS.join(', ')} read it`, () => {
    const read = /\.(get|getMany|query|count|scan)\(\s*'History'|(queryAll|scanAll)\(\s*[\w.]+,\s*'History'/

    const found = filesOf('core').filter((file) => read.test(code(file)))

    assert.deepEqual(found, HISTORY_READERS)
  })

  test('no other room of core imports what reads it from core/telemetry', () => {
    const importing = /import \{[^}]*\bread\w+[^}]*\} from '\.\.\/telemetry\//

    const found = filesOf('core').filter((file) => importing.test(code(file)))

    assert.deepEqual(found, [])
  })

  test('no update of it has a condition', () => {
    const update = /\.update\(\s*'History'[\s\S]*?when: \[([^\]]*)/g
    const conditions = filesOf('core').flatMap((file) =>
      [...code(file).matchAll(update)].map(([, condition]) => condition),
    )

    assert.deepEqual(new Set(conditions), new Set(['']))
  })
})

describe('ownership is decided in one place', () => {
  for (const [table, writers] of Object.entries(WRITERS)) {
    test(`${table} is written by ${writers.join(' and ')} alone`, () => {
      const write = new RegExp(`\\.(update|put|remove)\\(\\s*'${table}'`)

      const found = Object.keys(MAY_IMPORT)
        .flatMap(filesOf)
        .filter((file) => write.test(code(file)))

      assert.deepEqual(found, writers)
    })
  }

  test('what an operator asks writes neither the owner nor the epoch of a device', () => {
    const requests = code('core/requests/device-requests.ts')

    assert.doesNotMatch(requests, /\b(owner|epoch|claimId)\s*:(?!\s*ServerId)/)
    assert.doesNotMatch(requests, /'epoch'|'claimId'|remove: \[[^\]]*'owner'/)
  })
})

/** The files of ours that `text` names and that are not there. A bare name is one of the same folder. */
function danglingIn(file: string, text: string): string[] {
  return [...text.matchAll(NAMED_FILE)].flatMap(([, symbol, path = '']) => {
    const found = [join(dirname(file), path), path].find(isThere)
    if (!found) return [`${file} names ${path}`]
    return !symbol || code(found).includes(symbol) ? [] : [`${file} names \`${symbol}\` in ${path}`]
  })
}

function pathsInStrings(text: string): string[] {
  return [...text.matchAll(PATH_IN_STRING)].map(([, path = '']) => path)
}
