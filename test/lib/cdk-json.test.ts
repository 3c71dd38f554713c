import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { delimiter } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const read = (path: string) => JSON.parse(readFileSync(`${ROOT}${path}`, 'utf8'))

/** The PATH of a user who calls a `cdk` that is installed globally. */
function pathOfUsers(): string {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return folders.filter((folder) => !folder.includes('node_modules')).join(delimiter)
}

test("a global cdk runs the app by the project's own Node, whichever Node runs cdk itself", () => {
  const { app } = read('cdk.json')
  const { devDependencies } = read('package.json')
  const [entry] = /\S+$/.exec(app) ?? []
  assert.equal(entry, 'lib/app.ts')

  const version = execFileSync(app.replace(entry, '--version'), {
    cwd: ROOT,
    encoding: 'utf8',
    shell: true,
    env: { ...process.env, PATH: pathOfUsers() },
  })

  assert.equal(version.trim(), `v${devDependencies.node}`)
})
