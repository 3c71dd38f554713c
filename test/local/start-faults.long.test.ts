/** Faults that keep `npm start` from starting. Each ends with a sentence that says what to do, an exit code
 *  and no stack, and no new key is made beside old credentials. Each case breaks a copy of a data folder that
 *  a fleet has left. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { startFleet } from '../../local/fleet.ts'

const ENTRY = join(import.meta.dirname, '../../local/main.ts')
const START_MS_MAX = 60_000

let home: string
/** A data folder as a fleet has left it. */
let kept: string

before(async () => {
  home = mkdtempSync(join(tmpdir(), 'mooring-faults-'))
  kept = join(home, 'kept')
  const fleet = await startFleet({ servers: 0, logDir: join(home, 'logs'), dataDir: kept })
  await fleet.close()
})
after(() => rmSync(home, { recursive: true }))

interface Ended {
  readonly code: number | null
  readonly said: string
}

function start(args: readonly string[], variables: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', ENTRY, '--port', '0', ...args],
    {
      cwd: home,
      env: { PATH: process.env.PATH, ...variables },
      timeout: START_MS_MAX,
    },
  )
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text))
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, said })))
}

/** A copy of the folder, broken. */
function broken(damage: (folder: string) => void): string {
  const folder = mkdtempSync(join(home, 'broken-'))
  cpSync(kept, folder, { recursive: true })
  damage(folder)
  return folder
}

function assertTold({ code, said }: Ended, words: RegExp): void {
  assert.equal(code, 1, said)
  assert.match(said, words)
  assert.doesNotMatch(said, /\n\s+at |node:internal|Node\.js v\d/)
}

/** The names and contents of the key files. */
const filesOf = (folder: string) =>
  readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => name.startsWith('auth-keys'))
    .map((entry) => `${entry.name} ${entry.isFile() ? readFileSync(join(folder, entry.name), 'latin1') : ''}`)

const newKey = () => `${randomBytes(32).toString('base64')}\n`
const keyFile = (text: string) => (folder: string) =>
  writeFileSync(join(folder, 'auth-keys'), text, { mode: 0o600 })
const databaseFile = (folder: string, form: RegExp) =>
  join(folder, 'database', readdirSync(join(folder, 'database')).find((name) => form.test(name)) ?? 'none')

const KEY_FAULTS: Record<string, readonly [damage: (folder: string) => void, words: RegExp]> = {
  missing: [
    (folder) => rmSync(join(folder, 'auth-keys')),
    /KEY_FILE_MISSING: .*no new key is made.*[Pp]ut the right file back/,
  ],
  empty: [keyFile(''), /KEY_FILE_UNUSABLE: .*is empty; put it back/],
  'of blank lines': [keyFile('\n\n'), /KEY_FILE_UNUSABLE: .*is empty/],
  truncated: [
    (folder) => truncateSync(join(folder, 'auth-keys'), 20),
    /KEY_FILE_UNUSABLE: key 1 .* is not 32 bytes/,
  ],
  'of another length': [
    keyFile(`${randomBytes(16).toString('base64')}\n`),
    /KEY_FILE_UNUSABLE: key 1 .* is not 32 bytes/,
  ],
  'of other bytes': [keyFile(randomBytes(33).toString('latin1')), /KEY_FILE_UNUSABLE/],
  'very large': [keyFile('x'.repeat(1_000_000)), /KEY_FILE_UNUSABLE: .*is no file of keys/],
  'another key': [keyFile(newKey()), /KEY_FILE_DIFFERS: .*lacks key-[0-9a-f]{16}/],
  'readable by others': [
    (folder) => chmodSync(join(folder, 'auth-keys'), 0o644),
    /KEY_FILE_UNUSABLE: others may read.*chmod 600/,
  ],
  'a folder': [
    (folder) => {
      rmSync(join(folder, 'auth-keys'))
      mkdirSync(join(folder, 'auth-keys'))
    },
    /KEY_FILE_UNUSABLE: .*is no file of keys/,
  ],
}

describe('a key file that does not belong to the database is never replaced', () => {
  for (const [what, [damage, words]] of Object.entries(KEY_FAULTS)) {
    test(what, async () => {
      const folder = broken(damage)
      const keys = filesOf(folder)
      assertTold(await start(['--data', folder]), words)
      assert.deepEqual(filesOf(folder), keys)
    })
  }
})

const DATABASE_FAULTS: Record<string, (folder: string) => void> = {
  'its first file is gone': (folder) => rmSync(join(folder, 'database/CURRENT')),
  'its first file is empty': (folder) => truncateSync(join(folder, 'database/CURRENT')),
  'its first file is garbage': (folder) => writeFileSync(join(folder, 'database/CURRENT'), 'garbage'),
  'its manifest is gone': (folder) => rmSync(databaseFile(folder, /^MANIFEST/)),
  'its manifest is garbage': (folder) => writeFileSync(databaseFile(folder, /^MANIFEST/), randomBytes(200)),
}

describe('a damaged database is reported', () => {
  for (const [what, damage] of Object.entries(DATABASE_FAULTS)) {
    test(what, async () => {
      const words = /DATABASE_DAMAGED: .*put the whole folder back from a copy/
      assertTold(await start(['--data', broken(damage)]), words)
    })
  }
})

test('a damaged file of the simulated phones is reported', async () => {
  const folder = broken((data) => writeFileSync(join(data, 'whatsapp.json'), '{"version":1,"phones":[{'))
  assertTold(await start(['--data', folder]), /PHONES_FILE_DAMAGED: .*whatsapp\.json.*put it back/)
})

test('an empty file of the API key is reported, and stays as it is', async () => {
  const folder = broken((data) => writeFileSync(join(data, 'api-key'), ''))
  assertTold(await start(['--data', folder]), /SECRET_FILE_UNUSABLE: .*api-key is empty or damaged/)
  assert.equal(readFileSync(join(folder, 'api-key'), 'utf8'), '')
})

test('a file in the place of the folder is reported', async () => {
  const file = join(home, 'file')
  writeFileSync(file, '')
  const words = /FOLDER_UNUSABLE: .*there is a file where a folder should be/
  assertTold(await start(['--data', file]), words)
  assertTold(await start(['--data', join(file, 'below')]), words)
})

test('a name that no folder can have is reported', async () => {
  assertTold(await start(['--data', 'x'.repeat(300)]), /FOLDER_UNUSABLE: .*no folder can have this name/)
})

test('a folder that another fleet uses is reported, and the other fleet goes on', async () => {
  const fleet = await startFleet({
    servers: 0,
    logDir: join(home, 'logs-2'),
    dataDir: broken(() => undefined),
  })
  const folder = join(fleet.authKeyFile, '..')
  const second = await start(['--data', folder])
  const answer = await fetch(`${fleet.apiUrl}/health`)
  await fleet.close()
  assertTold(second, /DATA_IN_USE: .*another fleet is using it: end that fleet, or choose another folder/)
  assert.equal(answer.status, 200)
})

test('a URL of messages with a password in it is reported, and not shown', async () => {
  const ended = await start([], { MESSAGES_URL: 'http://anna:hunter2@127.0.0.1:8080/hook' })
  assertTold(ended, /WRONG_OPTION: MESSAGES_URL must not have a user or a password/)
  assert.doesNotMatch(ended.said, /hunter2/)
})
