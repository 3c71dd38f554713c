import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, truncateSync } from 'node:fs'
import { createServer } from 'node:net'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { readText } from '../../../../cli/import/forms/text.ts'
import { all, failureOf, scratchFile, scratchPath } from './scratch-files.ts'

async function wordsOf(file: string): Promise<string> {
  const error = await failureOf(readText(file))
  assert.equal(error.exitCode, 2)
  return error.message
}

describe('refused before it is opened, with the remedy:', () => {
  test('a pipe, also behind a link', async () => {
    execFileSync('mkfifo', [scratchPath('pipe')])
    symlinkSync(scratchPath('pipe'), scratchPath('link'))

    assert.match(await wordsOf(scratchPath('pipe')), /pipe is a pipe\. .* to a file, and give that file\.$/)
    assert.match(await wordsOf(scratchPath('link')), /link is a pipe\./)
  })

  test('a socket', async () => {
    const server = createServer()
    await new Promise<void>((listening) => server.listen(scratchPath('socket'), listening))

    const words = await wordsOf(scratchPath('socket'))
    server.close()

    assert.match(words, /is a socket/)
  })

  test('a device', async () => assert.match(await wordsOf('/dev/zero'), /is a device of this machine/))

  test('a folder', async () => {
    mkdirSync(scratchPath('folder'))

    assert.match(await wordsOf(scratchPath('folder')), /is a folder.*mooring import multi-file/)
  })

  test('a path with nothing there, and one that no path can be', async () => {
    assert.match(await wordsOf(scratchPath('none')), /cannot be read: ENOENT, there is no such file/)
    assert.match(await wordsOf('a\0b'), /^a b cannot be read/)
  })
})

describe('a file that is read', () => {
  test('ends at a signal to stop, in the middle of the file and before it', async () => {
    const stop = new AbortController()
    const reading = readText(scratchFile('a'.repeat(1_000_000)), { stop: stop.signal })
    await reading.next()

    stop.abort()

    await assert.rejects(reading.next(), /interrupted/)
    await assert.rejects(all(readText(scratchFile('a'), { stop: stop.signal })), /interrupted/)
  })

  test('ends at a signal to stop while it is unpacked', async () => {
    const stop = new AbortController()
    const reading = readText(scratchFile(gzipSync(incompressibleText(2_000_000))), { stop: stop.signal })
    await reading.next()

    stop.abort()

    await assert.rejects(all(reading), /interrupted/)
  })

  test('is refused when it becomes shorter meanwhile', async () => {
    const file = scratchFile('a'.repeat(1_000_000))
    const reading = readText(file)
    await reading.next()

    truncateSync(file, 100_000)

    await assert.rejects(all(reading), /became shorter while it was read/)
  })
})

/** Text that gzip hardly packs. */
function incompressibleText(length: number): string {
  let state = 7
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return String.fromCharCode(48 + ((state >> 16) % 64))
  }).join('')
}
