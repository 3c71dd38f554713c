/** The tree is the architecture: these rules can be read off the text of the files, so they are. */
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, test } from 'node:test'

const ROOT = join(import.meta.dirname, '../..')

/** Which rooms, and which single files of other rooms, each room may import besides itself. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  core: [],
  aws: ['core'],
  lambdas: ['core', 'aws'],
  hosts: ['core', 'aws'],
  local: ['core', 'aws', 'lambdas', 'hosts'],
  bench: ['core', 'aws', 'hosts', 'local'],
  // It names the entry files of lambdas and hosts, and imports none of them: only the list of their names, and the
  // namespace of the metrics.
  lib: ['core', 'aws/powertools-telemetry.ts', 'lambdas/functions.ts'],
  // It calls the API; of lambdas it takes the types of what the API answers, and runs none of it. Credentials that come in or
  // go out are sealed and opened as servers do it.
  cli: ['core', 'aws/dynamodb-store.ts', 'lambdas/api', 'hosts/auth-state'],
}

const LAMBDA_ENTRIES = ['api', 'assign', 'authorizer', 'doorbell', 'sweep', 'task-stopped', 'first-key'].map(
  (name) => `lambdas/${name}.ts`,
)

/** Only here may time, chance and the environment be touched: where they become values that are handed in. The entry
 *  files read the environment; the real WhatsApp socket lives in real time, and a simulation has another one. */
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
  Devices: ['core/protocol/ownership.ts', 'core/requests/device-requests.ts', 'core/requests/import.ts'],
  Servers: ['core/protocol/membership.ts', 'core/requests/server-requests.ts'],
}

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

test('of lambdas cli imports types alone', () => {
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

function filesOf(room: string): string[] {
  if (!existsSync(join(ROOT, room))) return []
  return globSync(`${room}/**/*.ts`, { cwd: ROOT }).sort()
}

/** The file without its comments: they may name what the code must not use. */
function code(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
}

/** The files of ours that a file imports, by their path from the root. */
function importsOf(file: string): string[] {
  const specifiers = [...code(file).matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)]
  return specifiers.map(([, specifier]) => normalize(join(dirname(file), specifier ?? '')))
}
