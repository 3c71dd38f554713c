import assert from 'node:assert/strict'
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { startMooring } from '../../mooring-command.ts'
import { startTestImport, type TestImport } from '../builders.ts'

const KB_MAX = 200_000
const noLinux = process.platform === 'linux' ? false : 'the peak is read from /proc'

let fleet: TestImport
before(async () => {
  fleet = await startTestImport()
  writeFileSync(fleet.at('peak.mjs'), PEAK)
})
after(() => fleet?.close())

/** Writes the most memory that the command has ever had. */
const PEAK = `
import { readFileSync, writeFileSync } from 'node:fs'
process.on('exit', () => {
  const [, peak] = /VmHWM:\\s+(\\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))
  writeFileSync(process.env.PEAK_FILE, peak)
})
`

describe('refused in less than 200 MB of memory:', { skip: noLinux }, () => {
  async function refusal(t: { diagnostic(text: string): void }, file: string): Promise<string> {
    const variables = {
      ...fleet.variables,
      PEAK_FILE: fleet.at('peak'),
      NODE_OPTIONS: `--import=${fleet.at('peak.mjs')}`,
    }
    const begun = performance.now()
    const ran = await startMooring(['import', 'postgres', file, '--dry-run'], variables).ended
    const peak = Number(readFileSync(fleet.at('peak'), 'utf8'))
    t.diagnostic(`${Math.round(peak / 1000)} MB, ${Math.round(performance.now() - begun)} ms with its start`)
    assert.equal(ran.exit, 2)
    assert.ok(peak < KB_MAX, `${peak} kB`)
    return ran.err
  }

  test('a file of 5 GB without content', async (t) => {
    const file = fleet.at('sparse.csv')
    writeFileSync(file, '')
    truncateSync(file, 5_000_000_000)

    assert.match(await refusal(t, file), /holds zero bytes in line 1/)
  })

  test('a file of 5 GB with content at its beginning alone', async (t) => {
    const file = fleet.at('holes.jsonl')
    writeFileSync(file, '{"id":"a"}\n{"id":')
    truncateSync(file, 5_000_000_000)

    assert.match(await refusal(t, file), /holds zero bytes in line 2/)
  })

  test('a line of 600 MB of JSON', async (t) => {
    const file = fleet.at('line.jsonl')
    writeLong(file, '{"id":"a","session_data":"', 600)

    assert.match(await refusal(t, file), /line 1 begins a value of more than 20 MB/)
  })

  test('a line of 600 MB of CSV', async (t) => {
    const file = fleet.at('line.csv')
    writeLong(file, 'id,session_data\na,"', 600)

    assert.match(await refusal(t, file), /line 2 is larger than 20 MB/)
  })

  test('gzip that unpacks to 5 GB', async (t) => {
    const file = fleet.at('bomb.gz')
    const packed = gzipSync(Buffer.alloc(50_000_000, 'a'))
    writeFileSync(file, Buffer.concat([gzipSync('{"id":"'), ...Array.from({ length: 100 }, () => packed)]))

    assert.match(await refusal(t, file), /unpacks to more than 100 times its size/)
  })
})

describe('a signal ends the reading of a large file, with the exit code of an interruption:', {
  skip: noLinux,
}, () => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    test(signal, async () => {
      const file = fleet.at(`${signal}.jsonl`)
      const row = JSON.stringify({ id: 'a', session_data: 'k'.repeat(200_000) })
      writeFileSync(file, `${row}\n`.repeat(1500))
      const { child, ended } = startMooring(['import', 'postgres', file, '--dry-run'], fleet.variables)
      while (!isOpen(child.pid, file)) await wait(5)

      child.kill(signal)

      assert.deepEqual(await ended, { exit: 130, out: '', err: '' })
    })
  }
})

function isOpen(pid: number | undefined, file: string): boolean {
  const folder = `/proc/${pid}/fd`
  return readdirSync(folder).some((name) => {
    try {
      return readlinkSync(join(folder, name)) === file
    } catch {
      return false
    }
  })
}

function writeLong(file: string, begins: string, megabytes: number): void {
  const opened = openSync(file, 'w')
  const part = Buffer.alloc(1_000_000, 'a')
  writeFileSync(opened, begins)
  for (let at = 0; at < megabytes; at += 1) writeFileSync(opened, part)
  closeSync(opened)
}
