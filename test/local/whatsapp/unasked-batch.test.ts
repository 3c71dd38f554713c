import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect, eventually, pair, simulatorFor } from './baileys-client.ts'

const DEVICE = '15550100110'
const CONTACT = '15550100111'

test('a client that never asks for its messages gets them, and later ones at once', async (t) => {
  const simulator = await simulatorFor(t)
  const credentials = await pair(simulator, DEVICE)
  await simulator.text(DEVICE, 'waited', CONTACT)
  const device = connect(simulator, credentials)
  device.socket.ws.removeAllListeners('CB:ib,,offline_preview')

  await eventually('the text that waited', () => device.texts.includes('waited'))
  await simulator.text(DEVICE, 'live', CONTACT)
  await eventually('the live text', () => device.texts.includes('live'))

  assert.deepEqual(device.texts, ['waited', 'live'])
})
