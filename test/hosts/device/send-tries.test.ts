/** A send over one socket: how often it is tried, and how it ends. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MooringError } from '../../../core/errors.ts'
import { systemRandom } from '../../../core/random.ts'
import { sendUntilConfirmed } from '../../../hosts/device/send.ts'
import type { OutgoingText } from '../../../hosts/whatsapp/socket.ts'
import { impatientClock } from '../auth-state/fixtures.ts'

describe('a send', () => {
  const message: OutgoingText = { to: '15550100101', text: 'ahoy', messageId: 'ORDER-1' }
  const sending = (send: (sent: OutgoingText) => Promise<void>, closed = new AbortController().signal) =>
    sendUntilConfirmed(
      { clock: impatientClock().clock, random: systemRandom, socket: { send }, closed },
      message,
    )

  test('that fails is tried again under the same id', async () => {
    const ids: string[] = []

    await sending(async ({ messageId }) => {
      ids.push(messageId)
      if (ids.length < 3) throw new Error('the commit failed')
    })

    assert.deepEqual(ids, ['ORDER-1', 'ORDER-1', 'ORDER-1'])
  })

  test('that is never confirmed ends, and says under which id to send it again', async () => {
    let tries = 0

    const sent = sending(async () => {
      tries += 1
      throw new Error('no answer')
    })

    await assert.rejects(sent, { code: 'SEND_UNCONFIRMED', facts: { messageId: 'ORDER-1' } })
    assert.equal(tries, 4)
  })

  test('that WhatsApp refuses is not tried again', async () => {
    let tries = 0

    const sent = sending(async () => {
      tries += 1
      throw new MooringError('SEND_REFUSED', 'code 463')
    })

    await assert.rejects(sent, { code: 'SEND_REFUSED' })
    assert.equal(tries, 1)
  })

  test('ends with its socket', async () => {
    const closed = new AbortController()
    let tries = 0

    const sent = sending(async () => {
      tries += 1
      closed.abort()
      throw new Error('the socket is closed')
    }, closed.signal)

    await assert.rejects(sent, { code: 'SEND_UNCONFIRMED' })
    assert.equal(tries, 1)
  })
})
