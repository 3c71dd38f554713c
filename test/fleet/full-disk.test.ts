/** A disk that becomes full under a running fleet, in a small file system of its own. Needs Linux with
 *  unshare. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { listenTo, untilWelcomed } from './program.ts'
import { until } from './until.ts'

const ENTRY = join(import.meta.dirname, '../../local/main.ts')
/** A database and its logs fit, and not much more. */
const DISK = '4m'
/** Mounts the small disk on its first argument, and runs the rest there. */
const ON_SMALL_DISK = `mount -t tmpfs -o size=${DISK} tmpfs "$1" && cd "$1" && shift && exec "$@"`

let home: string
before(() => {
  home = mkdtempSync(join(tmpdir(), 'mooring-full-'))
})
after(() => rmSync(home, { recursive: true }))

/** The small disk is the fleet's working folder: its logs are there, and with `--data data` its database. */
async function startOnSmallDisk(...options: string[]) {
  const node = [process.execPath, '--disable-warning=ExperimentalWarning', ENTRY]
  const command = [...node, '--port', '0', '--servers', '1', ...options]
  const program = listenTo(
    spawn('unshare', ['--mount', '--map-root-user', 'sh', '-c', ON_SMALL_DISK, 'sh', home, ...command], {
      env: { PATH: process.env.PATH },
    }),
  )
  const api = await untilWelcomed(program)
  return { program, api, fill: () => fillDisk(`/proc/${program.pid}/root${home}`) }
}

/** Leaves no byte of the disk. */
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

test('a database whose disk becomes full ends the fleet with a sentence instead of a stack', async () => {
  const { program, api, fill } = await startOnSmallDisk('--data', 'data')
  fill()
  await api.call('POST', '/devices', { deviceId: 'shop-1' }).catch(() => undefined)
  assert.equal(await program.exited, 1)
  assert.match(
    program.said(),
    /DISK_FULL: the data folder \S+data: the disk is full: free some space and start again/,
  )
  assert.match(program.said(), /Ended\./)
  assert.doesNotMatch(program.said(), /\n\s+at /)
})

test('a full disk under the logs costs log lines alone, and the fleet goes on', async () => {
  const { program, api, fill } = await startOnSmallDisk()
  fill()
  for (let number = 1; number <= 40; number++) {
    const answer = await api.call('POST', '/devices', { deviceId: `shop-${number}` })
    assert.equal(answer.status, 201)
  }
  const pairing = await until('QRs of all devices', 30_000, async () => {
    const { body } = await api.call('GET', '/devices?status=pairing&limit=100')
    const devices = body.devices as unknown[]
    return devices.length === 40 && devices
  })
  assert.equal(pairing.length, 40)
  program.child.kill('SIGINT')
  assert.equal(await program.exited, 0, program.said())
  assert.doesNotMatch(program.said(), /exit code/)
})
