import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simulatorFor } from './baileys-client.ts'

test('sessions that libsignal would print are not printed, and all other lines are', async (t) => {
  const { mock: info } = t.mock.method(console, 'info', () => undefined)
  const { mock: error } = t.mock.method(console, 'error', () => undefined)
  await simulatorFor(t)

  console.info('Closing session:', { privKey: 'secret' })
  console.error('Session error:Error: Bad MAC', 'stack')
  console.info('listening')

  assert.deepEqual(
    info.calls.map((call) => call.arguments),
    [['listening']],
  )
  assert.equal(error.callCount(), 0)
})
