import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { deviceId } from '../../../core/ids.ts'
import { createOutgoing } from '../../../hosts/device/send.ts'
import { scriptedRandom } from '../../builders/chance.ts'
import { manualClock } from '../../builders/manual-clock.ts'

const CHAT = '15550100101'

function anOutgoing() {
  const clock = manualClock()
  const outgoing = createOutgoing({ clock, random: scriptedRandom(0.5), device: deviceId('device-1') })
  const message = (messageId: string, to = CHAT) => ({ to, text: 'ahoy', messageId })
  /** A socket that confirms nothing until the test says so. */
  const open = () => {
    const closed = new AbortController()
    const sent: string[] = []
    const confirmed = Promise.withResolvers<void>()
    const send = ({ messageId }: { messageId: string }) => {
      sent.push(messageId)
      return confirmed.promise
    }
    outgoing.opened({ socket: { send }, closed: closed.signal })
    return { sent, confirm: confirmed.resolve, close: () => closed.abort() }
  }
  return { clock, outgoing, message, open }
}

describe('a text that a device sends', () => {
  test('is refused at once while it has no socket', async () => {
    const { outgoing, message } = anOutgoing()

    await assert.rejects(outgoing.send(message('A')), { code: 'DEVICE_NOT_CONNECTED' })
  })

  test('waits for the socket that replaces a stalled one, under the same id', async () => {
    const { outgoing, message, open } = anOutgoing()
    const stalled = open()
    const asked = outgoing.send(message('A'))
    await new Promise(setImmediate)
    outgoing.replacing()
    stalled.close()
    const askedMeanwhile = outgoing.send(message('B'))

    const next = open()
    next.confirm()
    await Promise.all([asked, askedMeanwhile])

    assert.deepEqual(stalled.sent, ['A'])
    assert.deepEqual(next.sent.sort(), ['A', 'B'])
  })

  test('is refused when the socket was not replaced in time', async () => {
    const { clock, outgoing, message, open } = anOutgoing()
    const stalled = open()
    outgoing.replacing()
    stalled.close()

    clock.advance(31_000)

    await assert.rejects(outgoing.send(message('A')), { code: 'DEVICE_NOT_CONNECTED' })
  })

  test('fails in time, and says under which id to send it again', async () => {
    const { clock, outgoing, message, open } = anOutgoing()
    open()
    const asked = outgoing.send(message('A'))

    clock.advance(45_000)

    await assert.rejects(asked, { code: 'SEND_UNCONFIRMED', facts: { messageId: 'A' } })
  })

  test('has one try in flight, however long it takes', async () => {
    const { clock, outgoing, message, open } = anOutgoing()
    const { sent, confirm } = open()
    const asked = outgoing.send(message('A'))

    clock.advance(40_000)
    confirm()
    await asked

    assert.deepEqual(sent, ['A'])
  })

  test('fails at once when the device goes to another server', async () => {
    const { outgoing, message, open } = anOutgoing()
    open()
    const asked = outgoing.send(message('A'))

    outgoing.giveUp()

    await assert.rejects(asked, { code: 'SEND_UNCONFIRMED' })
  })

  test('is refused beyond 100 messages that wait, and taken again when one is answered', async () => {
    const { outgoing, message, open } = anOutgoing()
    const { confirm } = open()
    const waiting = Array.from({ length: 100 }, (_, at) => outgoing.send(message(`A${at}`, `155501001${at}`)))

    await assert.rejects(outgoing.send(message('B')), { code: 'SEND_QUEUE_FULL' })
    confirm()
    await Promise.all(waiting)
    await outgoing.send(message('B'))
  })

  test('is refused beyond 25 that wait for one chat, while others have room', async () => {
    const { outgoing, message, open } = anOutgoing()
    const { confirm } = open()
    const waiting = Array.from({ length: 25 }, (_, at) => outgoing.send(message(`A${at}`)))

    await assert.rejects(outgoing.send(message('B')), { code: 'SEND_QUEUE_FULL' })
    const other = outgoing.send(message('C', '15550100102'))
    confirm()
    await Promise.all([...waiting, other])
  })
})
