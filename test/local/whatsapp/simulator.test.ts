import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { startWhatsAppSimulator } from '../../../local/whatsapp/simulator.ts'

test('a client that connects while the simulator closes does not keep it open', {
  timeout: 10_000,
}, async () => {
  const simulator = await startWhatsAppSimulator()
  const { port, pathname, host } = new URL(simulator.url)
  const client = connect(Number(port), '127.0.0.1')
  await once(client, 'connect')

  const closed = simulator.close()
  const cut = once(client, 'close')
  client.on('error', () => undefined)
  client.write(
    `GET ${pathname} HTTP/1.1\r\nhost: ${host}\r\nconnection: upgrade\r\nupgrade: websocket\r\n` +
      'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  )

  await closed
  await cut
  assert.equal(client.destroyed, true)
})
