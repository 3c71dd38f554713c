import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { clearLeftovers } from '../../../cli/export/leftovers.ts'
import { mustBeFree, placeWhole } from '../../../cli/export/whole-or-absent.ts'

let home: string
const never = new AbortController().signal
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'mooring-whole-'))
})
afterEach(() => rmSync(home, { recursive: true }))

const at = (...names: string[]) => join(home, ...names)
const modeOf = (path: string) => statSync(path).mode & 0o777
const writeTwo = async (folder: string) => {
  await writeFile(join(folder, 'one'), '1', { mode: 0o600 })
  await writeFile(join(folder, 'two'), '2', { mode: 0o600 })
  return 'one'
}

describe('a folder that is placed', () => {
  test('is private, as are the folders above it that were made for it', async () => {
    await placeWhole(at('a', 'b', 'out'), 'folder', never, writeTwo)

    assert.deepEqual(readdirSync(at('a', 'b')), ['out'])
    assert.deepEqual(readdirSync(at('a', 'b', 'out')), ['one', 'two'])
    assert.deepEqual(
      [modeOf(at('a')), modeOf(at('a', 'b')), modeOf(at('a', 'b', 'out'))],
      [0o700, 0o700, 0o700],
    )
  })

  test('takes the place of an empty folder, and its open rights with it', async () => {
    mkdirSync(at('out'))
    chmodSync(at('out'), 0o777)

    await placeWhole(at('out'), 'folder', never, writeTwo)

    assert.equal(modeOf(at('out')), 0o700)
    assert.deepEqual(readdirSync(at('out')), ['one', 'two'])
  })

  test('is absent after a failure in its middle, with everything that was made for it', async () => {
    const full = async (folder: string) => {
      await writeTwo(folder)
      throw Object.assign(new Error('no space'), { code: 'ENOSPC' })
    }

    await assert.rejects(placeWhole(at('a', 'out'), 'folder', never, full), {
      message: `${at('a', 'out')} cannot be written: the disk is full. Nothing was written.`,
    })

    assert.deepEqual(readdirSync(home), [])
  })

  test('is absent after an interruption', async () => {
    const stop = new AbortController()
    const interrupted = async (folder: string) => {
      stop.abort()
      return writeTwo(folder)
    }

    await assert.rejects(placeWhole(at('out'), 'folder', stop.signal, interrupted), { exitCode: 130 })

    assert.deepEqual(readdirSync(home), [])
  })

  test('is refused where something has appeared meanwhile, which stays', async () => {
    const raced = async (folder: string) => {
      mkdirSync(at('out', 'theirs'), { recursive: true })
      return writeTwo(folder)
    }

    await assert.rejects(placeWhole(at('out'), 'folder', never, raced), /is not an empty folder/)

    assert.deepEqual(readdirSync(home), ['out'])
    assert.deepEqual(readdirSync(at('out')), ['theirs'])
  })
})

test('a kill leaves the target absent, and the next export removes the rest', async () => {
  const entry = join(import.meta.dirname, '../../../cli/export/whole-or-absent.ts')
  const child = spawn(process.execPath, [
    '--input-type=module',
    '--eval',
    `import { placeWhole } from ${JSON.stringify(entry)}
     setInterval(() => undefined, 1000)
     await placeWhole(${JSON.stringify(at('out'))}, 'folder', new AbortController().signal, () => {
       console.log('writing')
       return new Promise(() => undefined)
     })`,
  ])
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await once(child, 'exit')
  const left = readdirSync(home)

  const told = await clearLeftovers(at('out'))

  assert.match(left.join(), /^\.mooring-export-\d+-\w{6}$/)
  assert.match(told.join(), /^Removed .+killed\.$/)
  assert.deepEqual(readdirSync(home), [])
})

describe('a file that is placed', () => {
  test('is alone and private', async () => {
    await placeWhole(at('new', 'rows.jsonl'), 'file', never, writeTwo)

    assert.deepEqual(readdirSync(at('new')), ['rows.jsonl'])
    assert.equal(readFileSync(at('new', 'rows.jsonl'), 'utf8'), '1')
    assert.equal(modeOf(at('new', 'rows.jsonl')), 0o600)
  })

  test('never replaces a file', async () => {
    await writeFile(at('rows.jsonl'), 'theirs')

    await assert.rejects(placeWhole(at('rows.jsonl'), 'file', never, writeTwo), /exists already/)

    assert.equal(readFileSync(at('rows.jsonl'), 'utf8'), 'theirs')
    assert.deepEqual(readdirSync(home), ['rows.jsonl'])
  })
})

describe('a place is refused with words', () => {
  test('when a symbolic link would lead elsewhere', async () => {
    mkdirSync(at('elsewhere'))
    await symlink(at('elsewhere'), at('out'))

    await assert.rejects(
      mustBeFree(at('out'), 'folder'),
      /is a symbolic link, and no secret is written through one/,
    )
    await assert.rejects(placeWhole(at('out'), 'folder', never, writeTwo), /is a symbolic link/)

    assert.deepEqual(readdirSync(at('elsewhere')), [])
  })

  test('when it is below a file', async () => {
    await writeFile(at('file'), '')

    await assert.rejects(
      mustBeFree(at('file', 'out'), 'folder'),
      /a part of its path is a file, not a folder/,
    )
  })

  test('when it is the folder in which the command runs', async () => {
    await assert.rejects(mustBeFree('.', 'file'), /exists already/)
  })
})
