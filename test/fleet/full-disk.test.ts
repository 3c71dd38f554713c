/** A disk that becomes full under a running fleet, in a small file system of its own. Needs Linux with unshare. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { until } from './fleet-under-test.ts'

const ENTRY = join(import.meta.dirname, '../../local/main.ts')
/** Takes a database and its logs, and not much more. */
const DISK = '4m'

let home: string
before(() => {
  home = mkdtempSync(join(tmpdir(), 'mooring-full-'))
})
after(() => rmSync(home, { recursive: true }))

interface Running {
  readonly child: ChildProcess
  said(): string
  readonly apiUrl: string
  readonly headers: Record<string, string>
  /** Leaves no byte of the disk. */
  fill(): void
}

/** @param where the data stand: with the logs or without them, the disk is their working folder */
async function startOnSmallDisk(...options: string[]): Promise<Running> {
  const script = `mount -t tmpfs -o size=${DISK} tmpfs "$1" && cd "$1" && shift && exec "$@"`
  const command = [process.execPath, '--disable-warning=ExperimentalWarning', ENTRY]
  const child = spawn(
    'unshare',
    [
      '--mount',
      '--map-root-user',
      'sh',
      '-c',
      script,
      'sh',
      home,
      ...command,
      '--port',
      '0',
      '--servers',
      '1',
      ...options,
    ],
    { env: { PATH: process.env.PATH } },
  )
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (some) => (text += some))
  await until(
    'the welcome',
    60_000,
    async () => text.includes('Ctrl-C ends'),
    async () => text,
  )
  const apiUrl = /API\s+(http\S+)/.exec(text)?.[1] ?? ''
  const key = /API key\s+(\S+)/.exec(text)?.[1] ?? ''
  return {
    child,
    said: () => text,
    apiUrl,
    headers: { 'x-api-key': key, 'content-type': 'application/json' },
    fill: () => fillDisk(`/proc/${child.pid}/root${home}`),
  }
}

function fillDisk(folder: string): void {
  const file = openSync(join(folder, 'filler'), 'w')
  assert.throws(
    () => {
      for (;;) writeSync(file, Buffer.alloc(4096))
    },
    { code: 'ENOSPC' },
  )
  closeSync(file)
}

test('a database whose disk becomes full ends the fleet with a sentence, and not with a stack', async () => {
  const { child, said, apiUrl, headers, fill } = await startOnSmallDisk('--data', 'data')
  fill()
  const body = JSON.stringify({ deviceId: 'shop-1' })
  await fetch(`${apiUrl}/devices`, { method: 'POST', headers, body }).catch(() => undefined)
  const [code] = await once(child, 'exit')
  assert.equal(code, 1)
  assert.match(
    said(),
    /DISK_FULL: the data folder \S+data: the disk is full: free some space and start again/,
  )
  assert.match(said(), /Ended\./)
  assert.doesNotMatch(said(), /\n\s+at /)
})

test('logs whose disk becomes full cost nothing but log lines: the fleet goes on', async () => {
  const { child, said, apiUrl, headers, fill } = await startOnSmallDisk()
  fill()
  for (let number = 1; number <= 40; number++) {
    const body = JSON.stringify({ deviceId: `shop-${number}` })
    const answer = await fetch(`${apiUrl}/devices`, { method: 'POST', headers, body })
    assert.equal(answer.status, 201)
  }
  const pairing = await until('QRs of all devices', 30_000, async () => {
    const answer = await fetch(`${apiUrl}/devices?status=pairing&limit=100`, { headers })
    const { devices } = (await answer.json()) as { devices: unknown[] }
    return devices.length === 40 && devices
  })
  assert.equal(pairing.length, 40)
  child.kill('SIGINT')
  const [code] = await once(child, 'exit')
  assert.equal(code, 0, said())
  assert.doesNotMatch(said(), /exit code/)
})
