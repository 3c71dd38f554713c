import assert from 'node:assert/strict'
import { mkdtemp, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startWhatsAppSimulator } from '../../../local/whatsapp/simulator.ts'
import { eventually, loggedIn, pair, simulatorFor } from './baileys-client.ts'

const DEVICE = '15550100'

async function newDataFile() {
  return join(await mkdtemp(join(tmpdir(), 'whatsapp-')), 'whatsapp.json')
}

test('after a restart with the same data file a linked device logs in and finds its texts', async (t) => {
  const dataFile = await newDataFile()
  const before = await startWhatsAppSimulator({ dataFile })
  const credentials = await pair(before, DEVICE)
  const first = await loggedIn(before, credentials)
  await before.text(DEVICE, 'before')
  await eventually('the first text', () => first.texts.includes('before'))
  first.socket.end(undefined)
  await first.closed()
  await before.text(DEVICE, 'while offline')
  await before.close()

  const after = await simulatorFor(t, { dataFile })
  const second = await loggedIn(after, credentials)
  await eventually('the queued text', () => second.texts.includes('while offline'))
  await after.text(DEVICE, 'after')
  await eventually('a text in the old session', () => second.texts.includes('after'))

  assert.deepEqual(second.texts, ['while offline', 'after'])
  assert.equal(after.report().messages.retries, 0)
})

test('after a restart sessions go on, and groups under the old sender keys', async (t) => {
  const [contact, other] = ['15550100198', '15550100199'] as const
  const dataFile = await newDataFile()
  const before = await startWhatsAppSimulator({ dataFile })
  const credentials = await pair(before, DEVICE)
  const first = await loggedIn(before, credentials)
  const { jid } = before.createGroup('Crew', [contact, other, DEVICE])
  await before.groupText(jid, 'one', contact)
  await eventually('the text of the group', () => first.texts.length === 1)
  await first.socket.sendMessage(jid, { text: 'two' })
  await eventually('its answer', () => before.received(DEVICE).length === 2)
  first.socket.end(undefined)
  await first.closed()
  await before.groupText(jid, 'while offline', contact)
  await before.close()

  const after = await simulatorFor(t, { dataFile })
  const second = await loggedIn(after, credentials)
  await after.groupText(jid, 'after', contact)
  await eventually('both texts', () => second.texts.length === 2)
  await second.socket.sendMessage(jid, { text: 'three' })
  await eventually('the second answer', () => after.received(DEVICE).length === 4)
  await eventually('an empty queue', () => after.accounts()[0]?.queued === 0)

  assert.deepEqual(second.texts, ['while offline', 'after'])
  assert.deepEqual(after.groups(), before.groups())
  const { retries, nacked, undecryptable, texted } = after.report().messages
  assert.deepEqual(
    { retries, nacked, undecryptable, texted },
    { retries: 0, nacked: 0, undecryptable: 0, texted: 1 },
  )
})

test('groups of different creators have ids apart, so that two data files can be brought together', async (t) => {
  const [one, two] = [await simulatorFor(t), await simulatorFor(t)]
  const ids = [
    one.createGroup('Crew', ['15550100101', '15550100190']).jid,
    one.createGroup('Crew', ['15550100101', '15550100190']).jid,
    two.createGroup('Crew', ['15550100102', '15550100190']).jid,
  ]

  assert.equal(new Set(ids).size, 3)
})

test('without a data file a restart forgets every device', async (t) => {
  const before = await startWhatsAppSimulator()
  await pair(before, DEVICE)
  await before.close()

  const after = await simulatorFor(t)

  assert.deepEqual(after.accounts(), [])
})

test('the data file is readable by its owner only', async () => {
  const dataFile = await newDataFile()
  const simulator = await startWhatsAppSimulator({ dataFile })
  await pair(simulator, DEVICE)
  await simulator.close()

  assert.equal((await stat(dataFile)).mode & 0o777, 0o600)
})

test('a data file of another format is refused', async () => {
  const dataFile = await newDataFile()
  await writeFile(dataFile, '{"version":0}')

  await assert.rejects(startWhatsAppSimulator({ dataFile }), /not a data file of this simulator/)
})
