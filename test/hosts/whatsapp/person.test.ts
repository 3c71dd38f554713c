import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Consumer } from '../../../hosts/messages/consumer.ts'
import type { ReceivedMessage } from '../../../hosts/whatsapp/received-message.ts'
import type { Simulator } from '../../../local/whatsapp/simulator.ts'
import { DEVICE, give, type LinkedDevice, PHONE, type Snapshot, until } from '../takeover/linked-device.ts'
import { type MortalHost, startHost } from '../takeover/mortal-host.ts'
import { settledDevice } from '../takeover/walk.ts'

/** A stranger to the device, and a contact with whom it has talked. */
const CONTACTS = ['15550100105', '15550100101'] as const
type TextOptions = Parameters<Simulator['texts']>[2]

let snapshot: Snapshot
let device: LinkedDevice
let host: MortalHost
let got: ReceivedMessage[]
before(async () => {
  snapshot = await settledDevice()
  device = await snapshot.restore()
  const consumer: Consumer = { take: async (_, messages) => void got.push(...messages) }
  await give(device.store, 'server-1')
  host = startHost({
    name: 'server-1',
    device: DEVICE,
    store: device.store,
    url: device.simulator.url,
    consumer,
    failed: () => undefined,
  })
})
after(async () => {
  host.die()
  await device.close()
  snapshot.remove()
})

/** Sends one text after the other. @returns the messages that the application gets */
async function told(...texts: readonly TextOptions[]): Promise<ReceivedMessage[]> {
  got = []
  for (const options of texts) {
    const before = got.length
    await device.simulator.texts(PHONE, ['ahoy'], options)
    await until('the text at the application', async () => got.length > before)
  }
  return got
}

const namesOf = (number: string) => ({
  pn: `${number}@s.whatsapp.net`,
  lid: `1000${number}@lid`,
  person: `1000${number}@lid`,
})

for (const from of CONTACTS) {
  describe(`a person is one, whichever way ${from} writes`, () => {
    test('by LID alone, by number alone, and with both', async () => {
      const messages = await told(
        { from, addressing: 'lid', alternate: false },
        { from, addressing: 'lid' },
        { from },
        { from, alternate: false },
        { from, addressing: 'lid', alternate: false },
      )

      assert.deepEqual(new Set(messages.map(({ person }) => person)), new Set([`1000${from}@lid`]))
      assert.equal(messages.length, 5)
      for (const { chatNames, fromNames } of messages.slice(1)) {
        assert.deepEqual(chatNames, namesOf(from))
        assert.deepEqual(fromNames, namesOf(from))
      }
    })

    test('when the phone of the device writes to the person, by number and by LID', async () => {
      const messages = await told({ to: from }, { to: from, addressing: 'lid' })

      assert.equal(messages.length, 2)
      for (const { fromMe, chatNames, fromNames, person } of messages) {
        assert.equal(fromMe, true)
        assert.deepEqual(chatNames, namesOf(from))
        assert.deepEqual(fromNames, namesOf(PHONE))
        assert.equal(person, `1000${from}@lid`)
      }
    })

    for (const addressing of ['pn', 'lid'] as const) {
      test(`in a group addressed by ${addressing}`, async () => {
        got = []
        const group = device.simulator.createGroup('harbour', [from, PHONE], addressing)
        await device.simulator.groupText(group.jid, 'ahoy', from, { alternate: false })
        await until('the text at the application', async () => got.length > 0)

        assert.equal(got.length, 1)
        assert.equal(got[0]?.chat, group.jid)
        assert.equal(got[0]?.chatNames, undefined)
        assert.deepEqual(got[0]?.fromNames, namesOf(from))
        assert.equal(got[0]?.person, `1000${from}@lid`)
      })
    }
  })
}
