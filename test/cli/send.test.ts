import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { sendText } from '../../cli/send.ts'
import { fakeWorld } from './fake-world.ts'

let server: Server
let url: string
before(async () => {
  server = createServer((_, response) => {
    response.writeHead(409).end(JSON.stringify({ code: 'DEVICE_NOT_CONNECTED', message: 'no socket' }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
after(() => server.close())

function send(device: object, serverUrl = url): Promise<void> {
  const world = fakeWorld({
    '/devices/shop-1': [{ deviceId: 'shop-1', owner: { serverId: 's-1' }, ...device }],
    '/servers/s-1': [{ name: 'server-1', url: serverUrl }],
  })
  return sendText(world, 'shop-1', '+15550100150', 'ahoy', { secret: 'a secret of the test' })
}

describe('a device that is not connected is explained', () => {
  test('with the command that links it, when no phone has', async () => {
    const sending = send({ explanation: 'it waits to be linked: a QR code is ready' })

    await assert.rejects(sending, {
      message:
        'DEVICE_NOT_CONNECTED: device "shop-1" is not connected: it waits to be linked: a QR code is ready. ' +
        'Link it: npx mooring device pair shop-1',
    })
  })

  test('with the reason alone, when it is linked', async () => {
    const sending = send({ explanation: 'it backs off', pairedAt: '2030-01-01T00:00:00Z' })

    await assert.rejects(sending, {
      message: 'DEVICE_NOT_CONNECTED: device "shop-1" is not connected: it backs off',
    })
  })
})

test('a server without a URL that can be used is told', async () => {
  await assert.rejects(send({}, 'nowhere'), {
    message: 'Server "server-1" has no URL that can be used: nowhere',
  })
})
