/** Sends a text through a device: finds its server, signs the request, and repeats it safely under one message id. */
import { createHmac, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

const { MOORING_URL = 'http://127.0.0.1:3000', MOORING_API_KEY, MESSAGES_SECRET } = process.env
const [device, to, text] = process.argv.slice(2)
if (!MOORING_API_KEY || !MESSAGES_SECRET || !text) {
  console.error('MOORING_API_KEY=... MESSAGES_SECRET=... node examples/send/send.js DEVICE TO TEXT')
  process.exit(2)
}

const TRIES_MAX = 5
const PAUSE_MS = 1000
const ANSWER_MS_MAX = 60_000
/** After any other code another try, at the server that has the device then, may succeed. */
const FINAL = ['SEND_REFUSED', 'NOT_ON_WHATSAPP', 'BAD_REQUEST', 'SIGNATURE_INVALID']

async function ask(path) {
  const answer = await fetch(new URL(path, MOORING_URL), { headers: { 'x-api-key': MOORING_API_KEY } })
  if (!answer.ok) throw new Error(`the API answered ${answer.status}: ${await answer.text()}`)
  return answer.json()
}

/** One try. @returns what the server answered: without a code, WhatsApp has the text */
async function trySend(messageId) {
  const { owner } = await ask(`/devices/${device}`)
  if (!owner) return { code: 'DEVICE_NOT_HERE', message: 'no server has the device' }
  const { url } = await ask(`/servers/${owner.serverId}`)
  const path = `/devices/${device}/messages`
  const body = JSON.stringify({ to, text, messageId })
  const time = String(Date.now())
  const signature = createHmac('sha256', MESSAGES_SECRET).update(`${time}.${path}\n${body}`).digest('hex')
  const headers = { 'x-mooring-time': time, 'x-mooring-signature': signature }
  const signal = AbortSignal.timeout(ANSWER_MS_MAX)
  return fetch(new URL(path, url), { method: 'POST', headers, body, redirect: 'error', signal })
    .then(async (answer) => (answer.ok ? {} : { code: `HTTP_${answer.status}`, ...(await answer.json()) }))
    .catch((error) => ({ code: 'SEND_UNCONFIRMED', message: `no answer: ${error.message}` }))
}

// The same id at each try: WhatsApp and the contact's phone drop a message that comes again under it.
const messageId = randomUUID()
for (let tries = 1; ; tries++) {
  const { code, message } = await trySend(messageId)
  if (code === undefined) break
  console.error(`${code}: ${message}`)
  if (FINAL.includes(code) || tries === TRIES_MAX) process.exit(1)
  await sleep(PAUSE_MS)
}
console.log(`sent: WhatsApp has it as ${messageId}`)
