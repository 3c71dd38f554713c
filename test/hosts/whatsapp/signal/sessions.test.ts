import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Store } from '../../../../core/store/store.ts'
import type { OpenAuthState } from '../../../../hosts/auth-state/auth-state.ts'
import { UNWATCHED } from '../../../../hosts/stalls/device-watch.ts'
import { oneAtATime } from '../../../../hosts/whatsapp/signal/one-at-a-time.ts'
import {
  libsignalRepository,
  type MakeSignalRepository,
} from '../../../../hosts/whatsapp/signal/repository.ts'
import { silenceConsole } from '../../../../hosts/whatsapp/silence-console.ts'
import { breakable, impatientClock, newDevice, open, startStore, watched } from '../../auth-state/fixtures.ts'
import { contactParty, deviceParty, introduce, talkAtOnce } from './conversation.ts'

const ROUNDS = 20
const CONTACT = '15550100101@s.whatsapp.net'

let store: Store
let close: () => Promise<void>
before(async () => {
  // libsignal prints sessions, private keys included
  silenceConsole()
  const started = await startStore()
  close = started.close
  // as slow as DynamoDB: work that begins together must overlap
  store = watched(started.store, () => new Promise((resolve) => setTimeout(resolve, 5)))
})
after(() => close())

describe('a device that sends and receives at once', () => {
  test('loses no message and breaks no session', async () => {
    const auth = await open({ store })
    const device = deviceParty('15550100100:1@s.whatsapp.net', auth)
    const contact = contactParty(CONTACT)
    await introduce(device, contact)

    assert.deepEqual(await talkAtOnce([[device, contact]], ROUNDS), [])
  })

  test('breaks the session without the repairs (should this fail, Baileys no longer needs them)', async () => {
    const auth = await open({ store })
    const device = deviceParty('15550100100:1@s.whatsapp.net', auth, libsignalRepository)
    const contact = contactParty(CONTACT)
    await introduce(device, contact)

    assert.notDeepEqual(await talkAtOnce([[device, contact]], ROUNDS), [])
  })

  test('can be followed by a new owner after every message', async () => {
    const deviceId = newDevice()
    const first = await open({ store, device: deviceId, epoch: 1 })
    const contact = contactParty(CONTACT)
    const before = deviceParty('15550100100:1@s.whatsapp.net', first)
    await introduce(before, contact)
    await first.saveCreds()
    await talkAtOnce([[before, contact]], 3)

    const second = await open({ store, device: deviceId, epoch: 2, everPaired: true })
    const afterwards = deviceParty('15550100100:1@s.whatsapp.net', second)

    assert.deepEqual(await talkAtOnce([[afterwards, contact]], 3), [])
  })
})

describe('devices of one process that write to the same contact at once', () => {
  test('store every step that they take', async () => {
    const lost = await writeAtOnceThenOnceMore(() => undefined)
    assert.deepEqual(lost, [])
  })

  test('lose steps without turns (should this fail, libsignal keeps the async context)', async () => {
    const lost = await writeAtOnceThenOnceMore(({ state }) =>
      oneAtATime(state.creds, UNWATCHED)(libsignalRepository),
    )
    assert.notDeepEqual(lost, [])
  })
})

describe('a session that cannot be read', () => {
  test('is not replaced by a new one', async () => {
    const { breaker, store: failing } = breakable(store, 'update')
    const deviceId = newDevice()
    const first = await open({ store, device: deviceId, epoch: 1 })
    const contact = contactParty(CONTACT)
    const before = deviceParty('15550100100:1@s.whatsapp.net', first)
    await introduce(before, contact)
    await first.saveCreds()
    const second = await open({ store: failing, device: deviceId, epoch: 2, everPaired: true })
    const device = deviceParty('15550100100:1@s.whatsapp.net', second, undefined, impatientClock().clock)
    await device.repository.lidMapping.getLIDForPN(CONTACT)

    breaker.broken = true
    const renewed = device.repository
      .injectE2ESession({ jid: CONTACT, session: contact.bundle })
      .finally(() => {
        breaker.broken = false
      })

    await assert.rejects(renewed, /out of reach/)
    assert.equal(await device.decrypt(CONTACT, await contact.encrypt(device.jid, 'still here')), 'still here')
  })

  test('does not count as one that is not there', async () => {
    const { breaker, store: failing } = breakable(store)
    const auth = await open({ store: failing })
    const device = deviceParty('15550100100:1@s.whatsapp.net', auth, undefined, impatientClock().clock)

    breaker.broken = true
    await assert.rejects(device.repository.validateSession(CONTACT), /out of reach/)

    breaker.broken = false
    assert.deepEqual(await device.repository.validateSession(CONTACT), {
      exists: false,
      reason: 'no session',
    })
  })
})

/** Four devices write to one contact's jid at once. Then the contact's queue is empty, and each writes once
 *  more.
 *  @returns the last messages that could not be decrypted */
async function writeAtOnceThenOnceMore(
  wrong: (auth: OpenAuthState) => MakeSignalRepository | undefined,
): Promise<string[]> {
  const pairs = await Promise.all(
    [1, 2, 3, 4].map(async (at) => {
      const auth = await open({ store })
      const device = deviceParty(`1555010011${at}:1@s.whatsapp.net`, auth, wrong(auth))
      return { device, contact: contactParty(CONTACT) }
    }),
  )
  for (const { device, contact } of pairs) await introduce(device, contact)
  const lost: string[] = []
  await Promise.all(
    pairs.map(async ({ device, contact }) => {
      for (let count = 0; count < ROUNDS; count++) {
        await contact.decrypt(device.jid, await device.encrypt(CONTACT, 'burst')).catch(() => undefined)
      }
    }),
  )
  for (const { device, contact } of pairs) {
    const last = await device.encrypt(CONTACT, 'once more')
    await contact.decrypt(device.jid, last).catch(() => lost.push(device.jid))
  }
  return lost
}
