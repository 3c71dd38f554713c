import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { connectApi } from '../../cli/api.ts'
import { systemClock } from '../../core/clock.ts'

const CHUNK = Buffer.alloc(1_000_000, ' ')
const SENT_BYTES_MAX = 200_000_000

test('an answer without end is not read to its end', async (t) => {
  let sentBytes = 0
  const server = createServer((_, response) => {
    const send = () => {
      while (!response.destroyed && sentBytes < SENT_BYTES_MAX) {
        sentBytes += CHUNK.length
        if (!response.write(CHUNK)) return void response.once('drain', send)
      }
      response.end()
    }
    send()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.closeAllConnections())
  t.after(() => server.close())
  const { port } = server.address() as AddressInfo
  const api = connectApi({
    url: `http://127.0.0.1:${port}`,
    key: undefined,
    clock: systemClock,
    stop: new AbortController().signal,
  })

  await assert.rejects(api.post('/devices', {}), /longer than any of the API/)
  assert.ok(sentBytes < SENT_BYTES_MAX, `${sentBytes} bytes`)
})
