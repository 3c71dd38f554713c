/** `npm start` as a person runs it: the first screen, the API, and an end that leaves no process behind. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type LocalApi, listenTo, type Program, untilWelcomed } from './program.ts'
import { until } from './until.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** In a process group of its own, as in a terminal. */
function npmStart(...options: string[]): Program {
  return listenTo(
    spawn('npm', ['start', '--silent', '--', ...options], { cwd: ROOT, detached: true, stdio: 'pipe' }),
  )
}

function descendants(pid: number): number[] {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), parent: parentOf(name) }))
  const below = (of: number): number[] =>
    parents.filter((one) => one.parent === of).flatMap((one) => [one.pid, ...below(one.pid)])
  return below(pid)
}

function parentOf(pid: string): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[1])
  } catch {
    return undefined
  }
}

function alive(pids: readonly number[]): number[] {
  return pids.filter((pid) => parentOf(String(pid)) !== undefined)
}

function untilGone(pids: readonly number[]): Promise<boolean> {
  return until(
    'no process left',
    20_000,
    async () => alive(pids).length === 0,
    async () => alive(pids),
  )
}

test('npm start serves the API, and Ctrl-C ends every process and frees the port', async () => {
  const started = npmStart('--port', '0', '--servers', '2')
  const api = await untilWelcomed(started)
  const pids = descendants(started.pid)
  assert.ok(pids.length >= 4, `processes ${pids}`)
  const answer = await api.call('POST', '/devices', { deviceId: 'shop-1', name: 'The shop' })
  assert.equal(answer.status, 201)
  process.kill(-started.pid, 'SIGINT')
  await started.exited
  await untilGone(pids)
  assert.match(started.said(), /Ended\./)
  await assert.rejects(fetch(`${api.url}/health`))
})

test('servers and control plane end by themselves when npm start is killed', async () => {
  const started = npmStart('--port', '0', '--servers', '1')
  await untilWelcomed(started)
  const pids = descendants(started.pid)
  process.kill(-started.pid, 'SIGKILL')
  await untilGone(pids)
})

test('npm start on a port that is taken says so and leaves no process', async (context) => {
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  context.after(() => taken.close())
  const { port } = taken.address() as AddressInfo
  const started = npmStart('--port', String(port), '--servers', '1')
  assert.equal(await started.exited, 1)
  assert.match(started.said(), new RegExp(`port ${port} is taken`))
  assert.deepEqual(descendants(started.pid), [])
})

test('an option that makes no sense is refused with its range', async () => {
  const started = npmStart('--servers', 'many')
  assert.equal(await started.exited, 1)
  assert.match(started.said(), /--servers must be a whole number from 1 to 50, not many/)
})

test('--help tells every option', async () => {
  const started = npmStart('--help')
  assert.equal(await started.exited, 0)
  assert.match(started.said(), /--servers N[\s\S]*--port PORT[\s\S]*--data DIR[\s\S]*--whatsapp KIND/)
})

test('with --data, a device connects again after a restart without another pairing', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'mooring-data-'))
  const first = npmStart('--port', '0', '--servers', '1', '--data', dataDir)
  const api = await untilWelcomed(first)
  const pids = descendants(first.pid)
  const control = /controlled at (http\S+)/.exec(first.said())?.[1] ?? ''
  await api.call('POST', '/devices', { deviceId: 'kept' })
  const qr = await until('a QR', 20_000, async () => {
    const { status, body } = await api.call('GET', '/devices/kept/qr')
    return status === 200 && String(body.qr)
  })
  const authorization = /Authorization: (Bearer \S+)'/.exec(first.said())?.[1] ?? ''
  await fetch(`${control}/phones/scan`, {
    method: 'POST',
    headers: { authorization },
    body: JSON.stringify({ qr }),
  })
  await untilKeptIsConnected(api)
  process.kill(-first.pid, 'SIGINT')
  await untilGone(pids)

  const second = npmStart('--port', '0', '--servers', '1', '--data', dataDir)
  const again = await untilWelcomed(second)
  const pidsAgain = descendants(second.pid)
  assert.equal(again.key, api.key)
  await untilKeptIsConnected(again)
  process.kill(-second.pid, 'SIGINT')
  await untilGone(pidsAgain)
})

function untilKeptIsConnected(api: LocalApi): Promise<boolean> {
  return until(
    'device "kept" connected',
    30_000,
    async () => (await api.call('GET', '/devices/kept')).body.status === 'connected',
  )
}
