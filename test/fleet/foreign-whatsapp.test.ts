/** `npm start -- --whatsapp ws://...`, as a person runs it, with the simulator in a process of its own. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { listenTo, type Program, untilWelcomed } from './program.ts'
import { until } from './until.ts'

const running: ChildProcess[] = []
after(async () => {
  for (const child of running.toReversed()) {
    if (child.exitCode !== null) continue
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
})

function run(script: string, ...args: string[]): Program {
  const file = fileURLToPath(new URL(`../../${script}`, import.meta.url))
  const child = spawn(process.execPath, [file, ...args], {
    // Its logs go to the folder that it runs in.
    cwd: mkdtempSync(join(tmpdir(), 'mooring-foreign-')),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  running.push(child)
  return listenTo(child)
}

test('the local fleet connects a device to another server, and simulates nothing itself', async () => {
  const [line] = await run('local/whatsapp/main.ts', '--json').untilSaid(/^\{.*\}$/m)
  const { url, controlUrl, controlToken } = JSON.parse(line)
  const headers = { authorization: `Bearer ${controlToken}`, 'content-type': 'application/json' }

  const fleet = run('local/main.ts', '--servers', '1', '--port', '0', '--whatsapp', url)
  const api = await untilWelcomed(fleet)
  const [screen] = await fleet.untilSaid(/WhatsApp +another server, .*\n.*/)
  await api.call('POST', '/devices', { deviceId: 'shop-1', name: 'The shop' })
  const qr = await until('a QR', 30_000, async () => {
    const { body } = await api.call('GET', '/devices/shop-1/qr')
    return typeof body.qr === 'string' && body.qr
  })
  const scan = JSON.stringify({ qr, phoneNumber: '15550100101' })
  await fetch(`${controlUrl}/phones/scan`, { method: 'POST', headers, body: scan })
  await until(
    'the device connected',
    30_000,
    async () => (await api.call('GET', '/devices/shop-1')).body.status === 'connected',
  )

  assert.ok(screen.includes(url))
  assert.match(screen, /no phones and no judge are simulated here/)
  const answer = await fetch(`${controlUrl}/accounts`, { headers })
  const { accounts } = (await answer.json()) as { accounts: { connectedTo?: string }[] }
  assert.notEqual(accounts[0]?.connectedTo, undefined)
})
