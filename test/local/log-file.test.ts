import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import { openLog } from '../../local/log-file.ts'

test('each run begins its part of a shared log with a line that tells when', () => {
  const home = mkdtempSync(join(tmpdir(), 'mooring-log-'))
  const file = join(home, 'server-1.log')
  try {
    for (const wallMs of [0, 1000]) {
      closeSync(openLog(file, 'server "server-1"', { ...systemClock, wallMs: () => wallMs }))
    }

    const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
    assert.deepEqual(
      lines.map((line) => JSON.parse(line)).map(({ timestamp, process }) => `${timestamp} ${process}`),
      ['1970-01-01T00:00:00.000Z server "server-1"', '1970-01-01T00:00:01.000Z server "server-1"'],
    )
  } finally {
    rmSync(home, { recursive: true })
  }
})
