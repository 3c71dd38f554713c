import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { clearLeftovers } from '../../../cli/export/leftovers.ts'

let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'mooring-leftovers-'))
})
afterEach(() => rmSync(home, { recursive: true }))

test('the rest of an export whose process has ended is removed, and told', async () => {
  const { pid } = spawnSync(process.execPath, ['--version'])
  mkdirSync(join(home, `.mooring-export-${pid}-AbCd12`, 'x'), { recursive: true })

  const told = await clearLeftovers(join(home, 'out'))

  assert.match(told.join(), /^Removed .+, the rest of an export that was killed\.$/)
  assert.deepEqual(readdirSync(home), [])
})

test('the folder of a process that lives is told and left alone', async () => {
  const name = `.mooring-export-${process.ppid}-AbCd12`
  mkdirSync(join(home, name))

  const told = await clearLeftovers(join(home, 'out'))

  assert.match(told.join(), /delete it if no other export runs/)
  assert.deepEqual(readdirSync(home), [name])
})

test('other folders are not touched', async () => {
  mkdirSync(join(home, '.mooring-export-notes'))

  assert.deepEqual(await clearLeftovers(join(home, 'out')), [])
  assert.deepEqual(readdirSync(home), ['.mooring-export-notes'])
})
