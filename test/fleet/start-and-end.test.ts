import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { until } from './fleet-under-test.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

interface Started {
  readonly child: ChildProcess
  readonly pid: number
  said(): string
  readonly exited: Promise<number | null>
}

/** As a person runs it, in a process group of its own as in a terminal. */
function npmStart(...options: string[]): Started {
  const child = spawn('npm', ['start', '--silent', '--', ...options], {
    cwd: ROOT,
    detached: true,
    stdio: 'pipe',
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => (said += text))
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve))
  const { pid } = child
  assert.ok(pid)
  return { child, pid, said: () => said, exited }
}

async function untilWelcomed(started: Started): Promise<{ apiUrl: string; key: string; pids: number[] }> {
  await until(
    'the welcome',
    40_000,
    async () => started.said().includes('Ctrl-C ends'),
    async () => started.said(),
  )
  const apiUrl = /API\s+(http\S+)/.exec(started.said())?.[1] ?? ''
  const key = /API key\s+(\S+)/.exec(started.said())?.[1] ?? ''
  return { apiUrl, key, pids: descendants(started.pid) }
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

test('npm start serves the API, and Ctrl-C ends every process and frees the port', async () => {
  const started = npmStart('--port', '0', '--servers', '2')
  const { apiUrl, key, pids } = await untilWelcomed(started)
  assert.ok(pids.length >= 4, `processes ${pids}`)
  const answer = await fetch(`${apiUrl}/devices`, {
    method: 'POST',
    headers: { 'x-api-key': key, 'content-type': 'application/json' },
    body: JSON.stringify({ deviceId: 'shop-1', name: 'The shop' }),
  })
  assert.equal(answer.status, 201)
  process.kill(-started.pid, 'SIGINT')
  await started.exited
  await until(
    'no process left',
    20_000,
    async () => alive(pids).length === 0,
    async () => alive(pids),
  )
  assert.match(started.said(), /Ended\./)
  await assert.rejects(fetch(`${apiUrl}/health`))
})

test('servers and control plane end by themselves when npm start is killed', async () => {
  const started = npmStart('--port', '0', '--servers', '1')
  const { pids } = await untilWelcomed(started)
  process.kill(-started.pid, 'SIGKILL')
  await until(
    'no process left',
    20_000,
    async () => alive(pids).length === 0,
    async () => alive(pids),
  )
})

test('a start on a port that is taken says so and leaves no process', async (context) => {
  const taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  context.after(() => taken.close())
  const { port } = taken.address() as AddressInfo
  const started = npmStart('--port', String(port), '--servers', '1')
  assert.equal(await started.exited, 1)
  assert.match(started.said(), new RegExp(`port ${port} is taken`))
  assert.deepEqual(descendants(started.pid), [])
})

test('an option that makes no sense is answered with what it should be', async () => {
  const started = npmStart('--servers', 'many')
  assert.equal(await started.exited, 1)
  assert.match(started.said(), /--servers must be a whole number from 1 to 50, not many/)
})

test('--help tells every option', async () => {
  const started = npmStart('--help')
  assert.equal(await started.exited, 0)
  assert.match(started.said(), /--servers N[\s\S]*--port PORT[\s\S]*--data DIR[\s\S]*--whatsapp KIND/)
})

test('with --data, devices are connected again after a restart without being paired again', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'mooring-data-'))
  const first = npmStart('--port', '0', '--servers', '1', '--data', dataDir)
  const { apiUrl, key, pids } = await untilWelcomed(first)
  const control = /controlled at (http\S+)/.exec(first.said())?.[1] ?? ''
  const headers = { 'x-api-key': key, 'content-type': 'application/json' }
  await fetch(`${apiUrl}/devices`, { method: 'POST', headers, body: JSON.stringify({ deviceId: 'kept' }) })
  const { qr } = await until('a QR', 20_000, async () => {
    const answer = await fetch(`${apiUrl}/devices/kept/qr`, { headers })
    return answer.ok && ((await answer.json()) as { qr: string })
  })
  const authorization = /Authorization: (Bearer \S+)'/.exec(first.said())?.[1] ?? ''
  await fetch(`${control}/phones/scan`, {
    method: 'POST',
    headers: { authorization },
    body: JSON.stringify({ qr }),
  })
  await untilStatus(apiUrl, key, 'connected')
  process.kill(-first.pid, 'SIGINT')
  await until('the first fleet ended', 20_000, async () => alive(pids).length === 0)

  const second = npmStart('--port', '0', '--servers', '1', '--data', dataDir)
  const again = await untilWelcomed(second)
  assert.equal(again.key, key)
  await untilStatus(again.apiUrl, key, 'connected')
  process.kill(-second.pid, 'SIGINT')
  await until('the second fleet ended', 20_000, async () => alive(again.pids).length === 0)
})

function untilStatus(apiUrl: string, key: string, status: string): Promise<unknown> {
  return until(`device ${status}`, 30_000, async () => {
    const answer = await fetch(`${apiUrl}/devices/kept`, { headers: { 'x-api-key': key } })
    return ((await answer.json()) as { status: string }).status === status
  })
}
