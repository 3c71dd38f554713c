/** Devices that the real whatsmeow has linked at the simulator, taken over by the real Baileys. The folder
 *  test/fixtures/import/whatsmeow-linked has them, and the program that makes them. */
import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import type { SignalDataSet } from '@whiskeysockets/baileys'
import type { Loaded } from '../../../../../cli/import/candidate.ts'
import { deserialise, revive, serialise } from '../../../../../hosts/auth-state/serialise.ts'
import { silenceConsole } from '../../../../../hosts/whatsapp/silence-console.ts'
import {
  type Client,
  connect,
  eventually,
  newCredentials,
  simulatorFor,
} from '../../../../local/whatsapp/baileys-client.ts'
import { loadAll } from './reading.ts'

const [ANN, BEN] = ['15550100150', '15550100151']
const MEMBERS = [ANN, BEN, '15550100101', '15550100102']
const LINKED = [
  { from: 'gows.db', number: '15550100101' },
  { from: 'devices.jsonl', number: '15550100102' },
] as const

const fixture = (name: string) =>
  new URL(`../../../../fixtures/import/whatsmeow-linked/${name}`, import.meta.url).pathname

/** The simulator that linked the devices, going on with a copy of its data. Groups are not in the data. */
async function simulatorOfDevices(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'mooring-whatsmeow-'))
  copyFileSync(fixture('simulator.json'), join(folder, 'simulator.json'))
  const simulator = await simulatorFor(t, { dataFile: join(folder, 'simulator.json') })
  // After the simulator's own end, which still writes there.
  t.after(() => rmSync(folder, { recursive: true }))
  const groups = (['lid', 'pn'] as const).map((addressing) =>
    simulator.createGroup(addressing, MEMBERS, addressing),
  )
  return { simulator, groups }
}

/** Credentials as a server reads them after an import. */
async function takenOver(from: string) {
  const copy = mkdtempSync(join(tmpdir(), 'mooring-whatsmeow-'))
  copyFileSync(fixture(from), join(copy, from))
  const [loaded] = await loadAll(join(copy, from))
  rmSync(copy, { recursive: true })
  assert.ok(loaded && 'keys' in loaded, JSON.stringify(loaded))
  const credentials = newCredentials()
  Object.assign(credentials.creds, deserialise(serialise(loaded.creds)))
  const keys = Object.entries(loaded.keys).map(([type, byId]) => [
    type,
    Object.fromEntries(
      Object.entries(byId).map(([id, value]) => [id, revive(type, deserialise(serialise(value)))]),
    ),
  ])
  await credentials.keys.set(Object.fromEntries(keys) as SignalDataSet)
  return { credentials, loaded }
}

async function reads(client: Client, text: string): Promise<void> {
  await eventually(text, () => client.texts.includes(text))
}

describe('a device of the real whatsmeow', () => {
  for (const { from, number } of LINKED) {
    test(`connects without pairing, reads its contacts and is read by them: ${from}`, async (t) => {
      silenceConsole()
      const { simulator, groups } = await simulatorOfDevices(t)
      const { credentials } = await takenOver(from)
      const isRead = (text: string, times: number) =>
        eventually(text, () => simulator.received(number).filter((one) => one.text === text).length === times)

      const client = connect(simulator, credentials)
      await client.opened()
      for (const text of ['while away', 'lid while away', 'pn while away']) await reads(client, text)
      await client.socket.sendMessage(`${ANN}@s.whatsapp.net`, { text: 'to Ann' })
      await isRead('to Ann', 1)
      await client.socket.sendMessage(`${BEN}@s.whatsapp.net`, { text: 'to Ben' })
      await isRead('to Ben', 1)
      for (const { from: contact, text } of [
        { from: ANN, text: 'from Ann' },
        { from: BEN, text: 'from Ben' },
      ]) {
        await simulator.text(number, text, contact)
        await reads(client, text)
      }
      for (const { jid, subject } of groups) {
        await client.socket.sendMessage(jid, { text: `to ${subject}` })
        await eventually(`to ${subject}`, () =>
          [ANN, BEN].every((member) =>
            simulator.received(number).some((one) => one.to === member && one.text === `to ${subject}`),
          ),
        )
        await simulator.groupText(jid, `from ${subject}`, ANN)
        await reads(client, `from ${subject}`)
      }
      await eventually('an empty queue', () =>
        simulator.accounts().some((one) => one.phoneNumber === number && one.queued === 0),
      )

      const { retries, nacked, undecryptable, dropped } = simulator.report().messages
      assert.deepEqual({ retries, nacked, undecryptable, dropped }, zeros)
      client.socket.end(undefined)
    })
  }

  test('keeps its identity, and WhatsApp knows its registration', async (t) => {
    const { simulator } = await simulatorOfDevices(t)
    const { credentials } = await takenOver('gows.db')
    const { creds } = credentials

    const account = simulator.accounts().find(({ phoneNumber }) => phoneNumber === '15550100101')

    const base64 = (key: Uint8Array) => Buffer.from(key).toString('base64')
    assert.deepEqual(account?.registration, {
      noiseKey: base64(creds.noiseKey.public),
      identityKey: base64(creds.signedIdentityKey.public),
      registrationId: creds.registrationId,
      signedPreKey: base64(creds.signedPreKey.keyPair.public),
    })
  })

  test('tells what is left out', async () => {
    const all: Loaded[] = await loadAll(fixture('devices.jsonl'))

    assert.deepEqual(
      all.map((one) => ('leftOut' in one ? one.leftOut : one)),
      [[]],
    )
  })
})

const zeros = { retries: 0, nacked: 0, undecryptable: 0, dropped: 0 }
