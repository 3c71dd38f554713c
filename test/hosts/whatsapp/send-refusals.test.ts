import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { isMooringError } from '../../../core/errors.ts'
import type { DeviceId } from '../../../core/ids.ts'
import type { RunningServer } from '../../../hosts/server/server.ts'
import { refusalOfSend } from '../../../hosts/whatsapp/send-refusals.ts'
import { absent, aLinkedDevice, refuseSends } from '../device/refusing-whatsapp.ts'
import { type Harbour, startHarbour } from '../server/server-under-test.ts'

const CONTACT = '15550100120'

let harbour: Harbour
let server: RunningServer
let device: DeviceId
let account: string
before(async () => {
  harbour = await startHarbour()
  server = harbour.startServer('web')
  const linked = await aLinkedDevice(harbour, server, 'sender')
  device = linked.device
  account = linked.jid
})
after(() => harbour.close())

const send = (messageId: string, to = CONTACT) =>
  server.send(device, { to, text: `of ${messageId}`, messageId })
const arrived = (messageId: string) =>
  harbour.simulator.received(account).filter(({ id }) => id === messageId)

for (const [error, says] of [
  ['463', /the account may not begin chats for a while, or the contact has not let it write \(463\)/],
  ['479', /addressed to a device that the contact no longer has \(479\)/],
  ['400', /does not take the message as it is \(400\)/],
  ['401', /the device may not send \(401\)/],
  ['477', /for a reason that Mooring does not know \(477\)/],
] as const) {
  test(`a message that WhatsApp refuses with ${error} is refused in words, once and for all`, async () => {
    refuseSends(harbour, account, Number(error))
    await assert.rejects(send(`REFUSED-${error}`), (failure) => {
      assert.ok(isMooringError(failure, 'SEND_REFUSED'))
      assert.match(failure.message, says)
      assert.equal(failure.facts.whatsAppCode, Number(error))
      return true
    })
    assert.equal(arrived(`REFUSED-${error}`).length, 0)
  })
}

for (const error of [408, 425, 429, 500, 503, 599]) {
  test(`a message that WhatsApp postpones with ${error} is sent again under its id, and arrives once`, async () => {
    refuseSends(harbour, account, error, error)
    await send(`POSTPONED-${error}`)
    assert.equal(arrived(`POSTPONED-${error}`).length, 1)
  })
}

test('a message that is postponed again and again is unconfirmed, and the error tells the last answer', async () => {
  refuseSends(harbour, account, 500, 500, 500, 429)
  await assert.rejects(send('POSTPONED-FOR-EVER'), (failure) => {
    assert.ok(isMooringError(failure, 'SEND_UNCONFIRMED'))
    assert.match(
      failure.message,
      /answered last: the account sends too much at once \(429\): send it again under/,
    )
    return true
  })
})

test('a text to a number that is not on WhatsApp is refused, and nothing is sent', async () => {
  absent(harbour, account, '15550100199')
  const before = harbour.simulator.report().messages.sent
  await assert.rejects(send('TO-NOBODY', '+15550100199'), (failure) => {
    assert.ok(isMooringError(failure, 'NOT_ON_WHATSAPP'))
    assert.match(failure.message, /its recipient's number is not on WhatsApp/)
    assert.doesNotMatch(failure.message, /15550100199/)
    return true
  })
  await send('TO-SOMEBODY', '15550100121')
  assert.equal(harbour.simulator.report().messages.sent, before + 1)
})

test('an ack whose error is no code asks for another try', () => {
  for (const error of ['', 'NaN', '4000', '-463', ' 463', '46', '1e2', 'x'.repeat(100_000)]) {
    const refusal = refusalOfSend('3EB0', error)
    assert.equal(isMooringError(refusal), false)
    assert.ok(refusal.message.length < 200)
  }
})
