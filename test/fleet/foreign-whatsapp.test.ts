/** `npm start -- --whatsapp ws://...`, as a person runs it, with the simulator in a process of its own. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { until } from './fleet-under-test.ts'

const running: ChildProcess[] = []
after(async () => {
  for (const child of running.toReversed()) {
    if (child.exitCode !== null) continue
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
})

function run(script: string, ...args: string[]) {
  const file = fileURLToPath(new URL(`../../${script}`, import.meta.url))
  const child = spawn(process.execPath, [file, ...args], {
    // its logs go to the folder that it runs in
    cwd: mkdtempSync(join(tmpdir(), 'mooring-foreign-')),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  running.push(child)
  let out = ''
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  return {
    said: (pattern: RegExp) => until(String(pattern), 40_000, async () => pattern.exec(out) ?? undefined),
  }
}

async function json(
  url: string,
  secret: Record<string, string>,
  body?: unknown,
): Promise<Record<string, unknown>> {
  const response = await fetch(url, {
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    headers: { 'content-type': 'application/json', ...secret },
  })
  return (await response.json()) as Record<string, unknown>
}

test('the local fleet connects a device to another server, and simulates nothing itself', async () => {
  const [line] = await run('local/whatsapp/main.ts', '--json').said(/^\{.*\}$/m)
  const { url, controlUrl, controlToken } = JSON.parse(line)
  const control = { authorization: `Bearer ${controlToken}` }

  const fleet = run('local/main.ts', '--servers', '1', '--port', '0', '--whatsapp', url)
  const [, api = '', apiKey = ''] = await fleet.said(/API +(http:\S+)[\s\S]*API key +(\S+)/)
  const key = { 'x-api-key': apiKey }
  const [screen] = await fleet.said(/WhatsApp +another server, .*\n.*/)
  await json(`${api}/devices`, key, { deviceId: 'shop-1', name: 'The shop' })
  const { qr } = await until('a QR', 30_000, async () => {
    const answer = await json(`${api}/devices/shop-1/qr`, key)
    return typeof answer.qr === 'string' ? answer : undefined
  })
  await json(`${controlUrl}/phones/scan`, control, { qr, phoneNumber: '15550100101' })
  await until(
    'the device connected',
    30_000,
    async () => (await json(`${api}/devices/shop-1`, key)).status === 'connected',
  )

  assert.ok(screen.includes(url))
  assert.match(screen, /no phones and no judge are simulated here/)
  const { accounts } = await json(`${controlUrl}/accounts`, control)
  assert.equal((accounts as { connectedTo?: string }[])[0]?.connectedTo !== undefined, true)
})
