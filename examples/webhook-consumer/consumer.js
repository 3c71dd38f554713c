/** An application that takes the messages of Mooring's devices, and first verifies that Mooring has sent them. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'

const { MESSAGES_SECRET, PORT = '8080' } = process.env
if (!MESSAGES_SECRET) throw new Error('set MESSAGES_SECRET to the secret that Mooring signs with')

/** A captured request cannot be played again later than this. */
const AGE_MS_MAX = 60_000
const BYTES_MAX = 10_000_000
/** Mooring may send a message twice. Keep these in your database, by a unique key, in place of this memory. */
const stored = new Set()

function isFromMooring({ 'x-mooring-time': time = '', 'x-mooring-signature': signature = '' }, body) {
  const expected = createHmac('sha256', MESSAGES_SECRET).update(`${time}.`).update(body).digest('hex')
  const [ours, theirs] = [Buffer.from(expected), Buffer.from(signature)]
  // In constant time: a comparison that stops early tells an attacker how much of a guess was right.
  if (ours.length !== theirs.length || !timingSafeEqual(ours, theirs)) return false
  return Math.abs(Date.now() - Number(time)) <= AGE_MS_MAX
}

/** @returns the status: 2xx only after the message is stored, since Mooring then forgets it */
async function take(request) {
  const chunks = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += chunk.length
    if (bytes > BYTES_MAX) throw new Error('the body is too large')
    chunks.push(chunk)
  }
  const body = Buffer.concat(chunks)
  if (!isFromMooring(request.headers, body)) return 401
  const { deviceId, chat, from, messageId, person, message } = JSON.parse(body)
  const key = JSON.stringify([deviceId, chat, from, messageId])
  if (!stored.has(key))
    console.log(`${deviceId} <- ${person}: ${message.conversation ?? Object.keys(message)}`)
  stored.add(key)
  return 204
}

const server = createServer((request, response) => {
  take(request).then(
    (status) => response.writeHead(status).end(),
    () => response.destroy(),
  )
})
server.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`messages are taken at http://127.0.0.1:${server.address().port}/hook`)
})
