import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MooringError } from '../../../core/errors.ts'
import { deviceId } from '../../../core/ids.ts'
import { RING_AGE_MS_MAX, signDoorbell } from '../../../core/request-signature.ts'
import { createSendEndpoint, deviceOfSend } from '../../../hosts/server/send-endpoint.ts'
import { manualClock } from '../../builders/manual-clock.ts'

const SECRET = 'secret-of-the-messages'
const BODY = JSON.stringify({ to: '15550100', text: 'Hello' })

/** @param send what the server does with each text */
function anEndpoint(send: () => Promise<void> = async () => undefined) {
  const clock = manualClock()
  const sent: string[] = []
  const server = {
    async send(_device: unknown, { messageId }: { messageId: string }) {
      sent.push(messageId)
      await send()
    },
  }
  const endpoint = createSendEndpoint(SECRET, clock)
  const sign = (secret = SECRET, body = BODY, device = 'device-1') => {
    const path = `/devices/${device}/messages`
    return {
      device: deviceId(device),
      path,
      body,
      ...signDoorbell(secret, `${path}\n${body}`, clock.wallMs()),
    }
  }
  const answer = (request: ReturnType<typeof sign>) => endpoint.answer(server as never, request)
  return { clock, sent, sign, answer, endpoint }
}

const codeOf = (body: object) => ('code' in body ? body.code : undefined)

describe('a request to send', () => {
  test('is refused when it is signed with another secret', async () => {
    const { sent, sign, answer } = anEndpoint()

    const [status, body] = await answer(sign('another-secret'))

    assert.equal(status, 401)
    assert.equal(codeOf(body), 'SIGNATURE_INVALID')
    assert.deepEqual(sent, [])
  })

  test('is refused when its signature is for another device', async () => {
    const { sent, sign, answer } = anEndpoint()
    const other = { ...sign(), path: '/devices/device-2/messages', device: deviceId('device-2') }

    const [status] = await answer(other)

    assert.equal(status, 401)
    assert.deepEqual(sent, [])
  })

  test('is refused when its signature is older than a minute', async () => {
    const { clock, sent, sign, answer } = anEndpoint()
    const request = sign()
    clock.advance(RING_AGE_MS_MAX + 1)

    const [status] = await answer(request)

    assert.equal(status, 401)
    assert.deepEqual(sent, [])
  })

  test('is answered in the same way when it is replayed, and is sent once', async () => {
    const { sent, sign, answer } = anEndpoint()
    const request = sign()

    const first = await answer(request)
    const second = await answer(request)

    assert.deepEqual(second, first)
    assert.equal(sent.length, 1)
  })

  test('is sent again as it was after a failure, under the same message id', async () => {
    let fails = true
    const { sent, sign, answer } = anEndpoint(async () => {
      if (fails) throw new MooringError('DEVICE_NOT_CONNECTED', 'it is not connected')
    })
    const request = sign()

    const [failed] = await answer(request)
    fails = false
    const [repeated] = await answer(request)

    assert.equal(failed, 409)
    assert.equal(repeated, 200)
    assert.equal(sent.length, 2)
    assert.equal(sent[1], sent[0])
  })

  test('without a text is refused with a code', async () => {
    const { sign, answer } = anEndpoint()

    const [status, body] = await answer(sign(SECRET, JSON.stringify({ to: '15550100' })))

    assert.equal(status, 400)
    assert.equal(codeOf(body), 'BAD_REQUEST')
  })

  test('is told to try again while the server is starting', async () => {
    const { sign, endpoint } = anEndpoint()

    const [status, body] = await endpoint.answer(undefined, sign())

    assert.equal(status, 503)
    assert.equal(codeOf(body), 'SERVER_STARTING')
  })

  test('is known by its method and its path', () => {
    assert.equal(deviceOfSend('POST', '/devices/device-1/messages'), 'device-1')
    assert.equal(deviceOfSend('GET', '/devices/device-1/messages'), undefined)
    assert.equal(deviceOfSend('POST', '/devices/..%2F/messages'), undefined)
  })
})
