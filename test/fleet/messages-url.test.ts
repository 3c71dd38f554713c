/** Messages of the local fleet as a person runs it: `MESSAGES_URL=... npm start`, then the commands of its
 *  screen. */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { listenTo, type Program, untilWelcomed } from './program.ts'
import { until } from './until.ts'

const ROOT = join(import.meta.dirname, '../..')
const run = promisify(execFile)

interface Post {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

let home: string
let fleet: Program
const posts: Post[] = []
const application = createServer(async (request, response) => {
  const body = Buffer.concat(await request.toArray()).toString()
  posts.push({ path: request.url ?? '', headers: request.headers, body })
  response.end()
})

before(async () => {
  home = mkdtempSync(join(tmpdir(), 'mooring-messages-'))
  application.listen(0, '127.0.0.1')
  await once(application, 'listening')
  const MESSAGES_URL = `http://127.0.0.1:${(application.address() as AddressInfo).port}/hook?token=of-the-url`
  const entry = join(ROOT, 'local/main.ts')
  const args = ['--disable-warning=ExperimentalWarning', entry, '--port', '0', '--servers', '1']
  fleet = listenTo(
    spawn(process.execPath, args, { cwd: home, env: { PATH: process.env.PATH, MESSAGES_URL } }),
  )
  await untilWelcomed(fleet)
})
after(async () => {
  fleet.child.kill('SIGINT')
  await fleet.exited
  application.closeAllConnections()
  application.close()
  rmSync(home, { recursive: true })
})

/** Pastes lines of the first screen into a shell that has the command. */
async function paste(lines: string): Promise<string> {
  const npx = `npx() { shift; ${process.execPath} ${join(ROOT, 'cli/mooring.ts')} "$@"; }`
  const { stdout } = await run('bash', ['-c', `${npx}\n${lines}`], { cwd: home, timeout: 60_000 })
  return stdout
}

const shown = (form: RegExp) => form.exec(fleet.said())?.[0] ?? assert.fail(fleet.said())
const runFile = () => shown(/^ {2}\. \S+\.env$/m)

test('the first screen says where messages go and by what they are signed, and shows no query', () => {
  assert.match(
    fleet.said(),
    /Messages {5}go to http:\/\/127\.0\.0\.1:\d+\/hook\?\.\.\., signed .* with \S{16,}/,
  )
  assert.doesNotMatch(fleet.said(), /of-the-url/)
})

test('the variables for another terminal are in a file that nobody else may read', () => {
  const folder = join(home, '.mooring/runs')
  const modes = readdirSync(folder).map((name) => statSync(join(folder, name)).mode & 0o777)
  assert.deepEqual(modes, [0o600])
})

test('the commands of the first screen link a device, and its messages come and go', async () => {
  await paste(shown(/^ {2}curl -s \S+\/devices -H[^\n]*\\\n[^\n]*$/m))
  await until('a link', 30_000, async () => {
    const answer = await paste(shown(/^ {2}curl -s \S+\/qr [^\n]*\\\n[^\n]*$/m))
    return answer.includes('"jid"')
  })
  const devices = () => paste(`${runFile()}\nnpx mooring devices`)
  await until('a connected device', 30_000, async () => (await devices()).includes('connected'), devices)

  const sent = await paste(`${runFile()}\n${shown(/^ {2}npx mooring device send .*$/m)}`)
  assert.match(sent, /^Sent\. WhatsApp has it as 3EB0/)
  const control = (path: string, body = '') =>
    paste(
      `${runFile()}\ncurl -s "$WHATSAPP_CONTROL_URL${path}" -H "Authorization: Bearer $WHATSAPP_CONTROL_TOKEN" ${body}`,
    )
  const [account] = (JSON.parse(await control('/accounts')) as { accounts: { phoneNumber: string }[] })
    .accounts
  const received = await control(`/accounts/${account?.phoneNumber}/received`)
  assert.match(received, /"text":"ahoy"/)

  await control(`/accounts/${account?.phoneNumber}/text`, `-d '{"text":"hello"}'`)
  const post = await until('a message', 20_000, async () => posts.find(({ body }) => body.includes('hello')))
  const secret = /with (\S{16,})/.exec(fleet.said())?.[1] ?? ''
  const signature = createHmac('sha256', secret)
    .update(`${post.headers['x-mooring-time']}.${post.body}`)
    .digest('hex')
  assert.equal(post.path, '/hook?token=of-the-url')
  assert.equal(post.headers['x-mooring-signature'], signature)
})

test('another terminal can use the tables while the fleet runs, with the credentials of this run alone', async () => {
  const exported = `${runFile()}\nnpx mooring export shop-1 ./out --yes 2>&1 || true`
  assert.match(await paste(exported), /DEVICE_NOT_STOPPED/)
  const forged = exported.replace('\n', '\nexport AWS_SECRET_ACCESS_KEY=local AWS_ACCESS_KEY_ID=local\n')
  assert.match(await paste(forged), /UnrecognizedClientException.*load its \.env file again/)
})

test('no log has the secret of messages or the query of their URL, and the file of the run is gone', async () => {
  const secret = /with (\S{16,})/.exec(fleet.said())?.[1] ?? 'none'
  fleet.child.kill('SIGINT')
  await fleet.exited
  const logs = readdirSync(join(home, '.mooring/logs')).map((name) => join(home, '.mooring/logs', name))
  const text = logs.map((log) => readFileSync(log, 'utf8')).join('\n')
  assert.ok(text.length > 0)
  assert.equal(text.includes(secret) || text.includes('of-the-url'), false)
  assert.deepEqual(readdirSync(join(home, '.mooring/runs')), [])
})
