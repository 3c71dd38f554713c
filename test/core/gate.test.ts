/** No test is forgotten, and none runs twice: the gate, .ci/run, runs each test file by exactly one of its
 *  scripts. `npm test` is for every day. It leaves out long tests, which are named `*.long.test.ts`, the
 *  fleet tests but for test/fleet/main-path.test.ts, and the tests that need a browser or Java. `npm run
 *  test:rest` runs the long tests and the other fleet tests, `npm run test:all` both. */
import assert from 'node:assert/strict'
import { globSync } from 'node:fs'
import { test } from 'node:test'
import { filesOf, ROOT, read } from './source-tree.ts'

const SCRIPTS: Readonly<Record<string, string>> = JSON.parse(read('package.json')).scripts
/** `npm test` or `npm run NAME`, wherever it stands in a command. */
const NPM_SCRIPT = /\bnpm (?:run )?([\w:-]+)/g

test('the gate runs every test file by exactly one script', () => {
  const scripts = scriptsIn(read('.ci/run'))
  const runs = new Map(scripts.map((script) => [script, filesRunBy(script)]))

  const wrong = testFiles()
    .map((file) => ({ file, by: scripts.filter((script) => runs.get(script)?.includes(file)) }))
    .filter(({ by }) => by.length !== 1)

  assert.deepEqual(wrong, [])
})

test('npm test and npm run test:rest share no file, and test:all is both', () => {
  const daily = filesRunBy('test')
  const rest = filesRunBy('test:rest')

  assert.deepEqual(
    daily.filter((file) => rest.includes(file)),
    [],
  )
  assert.deepEqual(filesRunBy('test:all').sort(), [...daily, ...rest].sort())
})

function testFiles(): string[] {
  return filesOf('test').filter((file) => file.endsWith('.test.ts'))
}

function scriptsIn(text: string): string[] {
  return [...text.matchAll(NPM_SCRIPT)].flatMap(([, name = '']) => (name in SCRIPTS ? [name] : []))
}

function filesRunBy(script: string): string[] {
  const commands = SCRIPTS[script]?.split('&&').map((command) => command.trim()) ?? []
  return commands.flatMap((command) =>
    / --test /.test(command) ? filesNamedIn(command) : scriptsIn(command).flatMap(filesRunBy),
  )
}

/** @throws AssertionError when a pattern matches no file */
function filesNamedIn(command: string): string[] {
  const patterns = command
    .slice(command.indexOf(' --test ') + ' --test '.length)
    .split(' ')
    .filter((word) => !word.startsWith('--'))
    .map((word) => word.replaceAll('"', ''))
  return patterns.flatMap((pattern) => {
    const files = globSync(pattern, { cwd: ROOT })
    assert.ok(files.length > 0, `${pattern} matches no file`)
    return files
  })
}
