import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:net'
import { after, before, test } from 'node:test'
import { assertPortFree, freePort } from '../../local/free-port.ts'

let port = 0
let server: Server
before(async () => {
  port = await freePort()
  server = createServer()
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
})
after(() => server.close())

test('a port that is taken is told, with what to do', async () => {
  await assert.rejects(assertPortFree(port), {
    code: 'NOT_STARTED',
    message: /^port \d+ is taken: .+--port$/,
  })
})

test('any free port will do', async () => {
  await assertPortFree(0)
})
