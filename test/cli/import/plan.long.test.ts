import assert from 'node:assert/strict'
import { chmodSync, unlinkSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { Curve } from '@whiskeysockets/baileys'
import { systemClock } from '../../../core/clock.ts'
import { deviceId } from '../../../core/ids.ts'
import { register } from '../../../core/protocol/ownership.ts'
import { requestDeletion, stop } from '../../../core/requests/device-requests.ts'
import { aFolder, incompressible, newJid, startTestImport, type TestImport } from './builders.ts'

let fleet: TestImport
before(async () => {
  fleet = await startTestImport()
})
after(() => fleet?.close())

describe('a plan skips, with the reason:', () => {
  /** @returns the WHY of the only folder */
  async function whyOf(name: string): Promise<string> {
    const { out, err } = await fleet.mooring(['--json', 'import', 'multi-file', fleet.at(name), '--dry-run'])
    assert.equal(err, '')
    const skipped = JSON.parse(out).devices.find((one: { intent: string }) => one.intent === 'skip')
    return skipped?.why
  }

  test('a folder with keys and no creds.json', async () => {
    await aFolder(fleet.at('headless', 'a'), { keys: { 'device-list': { '1': ['0'] } } })
    unlinkSync(fleet.at('headless', 'a', 'creds.json'))

    assert.match(await whyOf('headless'), /no creds\.json/)
  })

  test('creds that are cut short', async () => {
    await aFolder(fleet.at('cut', 'a'))
    writeFileSync(fleet.at('cut', 'a', 'creds.json'), '{"noiseKey":{"priv')

    assert.match(await whyOf('cut'), /creds\.json is damaged: it is not JSON/)
  })

  test('creds without a part that every device needs', async () => {
    await aFolder(fleet.at('part', 'a'), { noiseKey: {} as never })

    assert.match(await whyOf('part'), /a part that every device needs is missing/)
  })

  test('a file that cannot be read', {
    skip: process.getuid?.() === 0 && 'root reads every file',
  }, async () => {
    await aFolder(fleet.at('locked', 'a'), { keys: { 'device-list': { '1': ['0'] } } })
    chmodSync(fleet.at('locked', 'a', 'device-list-1.json'), 0)

    assert.match(await whyOf('locked'), /cannot be read: EACCES/)
  })

  test('a device that was never linked, or whose pairing was abandoned', async () => {
    await aFolder(fleet.at('unlinked', 'a'), { account: undefined as never })

    assert.match(await whyOf('unlinked'), /never linked/)
  })

  test('the same linked device in two folders', async () => {
    const jid = newJid()
    await aFolder(fleet.at('twins', 'a'), { jid })
    await aFolder(fleet.at('twins', 'b'), { jid })

    assert.match(await whyOf('twins'), /twins\/a is the same linked device .* two live copies/)
  })

  test('a linked device that the fleet has under another id', async () => {
    const jid = newJid()
    await aFolder(fleet.at('known-1', 'known'), { jid })
    await aFolder(fleet.at('known-2', 'other-name'), { jid })
    await fleet.mooring(['import', 'multi-file', fleet.at('known-1'), '--yes'])

    assert.match(await whyOf('known-2'), /the fleet has this linked device .* as device "known"$/)
  })

  test('a linked device in two folders or in the fleet, whose jid is spelled in another way', async () => {
    await aFolder(fleet.at('spelled', 'a'), { jid: '15550100150:3@s.whatsapp.net' })
    await aFolder(fleet.at('spelled', 'b'), { jid: ' 15550100150.0:3@C.US' })
    await aFolder(fleet.at('respelled', 'c'), { jid: '15550100150:03@s.whatsapp.net' })
    await aFolder(fleet.at('another', 'd'), { jid: '15550100150:4@s.whatsapp.net' })

    assert.match(await whyOf('spelled'), /spelled\/a is the same linked device .* two live copies/)
    await fleet.mooring(['import', 'multi-file', fleet.at('spelled', 'b'), '--yes'])
    assert.equal((await fleet.device('b'))?.account?.jid, '15550100150:3@s.whatsapp.net')
    assert.match(await whyOf('respelled'), /the fleet has this linked device .* as device "b"$/)
    assert.equal(await whyOf('another'), undefined)
  })

  test('a linked device whose row in the fleet spells its jid in another way', async () => {
    await aFolder(fleet.at('row-1', 'row'), { jid: '15550100151:3@s.whatsapp.net' })
    await fleet.mooring(['import', 'multi-file', fleet.at('row-1'), '--yes'])
    const account = { jid: '15550100151:3@c.us' }
    await fleet.store.update('Devices', { deviceId: deviceId('row') }, { set: { account }, when: [] })
    await aFolder(fleet.at('row-2', 'again'), { jid: '15550100151:3@s.whatsapp.net' })

    assert.match(await whyOf('row-2'), /the fleet has this linked device .* as device "row"$/)
  })

  test('an id under which the fleet has a device of another account', async () => {
    await aFolder(fleet.at('one', 'contested'))
    await aFolder(fleet.at('two', 'contested'))
    await fleet.mooring(['import', 'multi-file', fleet.at('one'), '--yes'])

    assert.match(await whyOf('two'), /the fleet has a device with this id, linked to another account/)
  })

  test('an id whose device waits to be linked; a stopped one is imported', async () => {
    const id = deviceId('waiting-1')
    await register(fleet.store, systemClock, { deviceId: id, name: id, credentialsId: 'c' })
    await aFolder(fleet.at('waits', id))

    assert.match(await whyOf('waits'), /waits for device "waiting-1" to be linked: stop it first/)
    await stop(fleet.store, systemClock, id, 'for its import')
    const { out } = await fleet.mooring(['import', 'multi-file', fleet.at('waits'), '--yes'])
    assert.match(out, /1 imported/)
  })

  test('an id that is being deleted', async () => {
    const id = deviceId('leaving-1')
    await register(fleet.store, systemClock, { deviceId: id, name: id, credentialsId: 'c' })
    await requestDeletion(fleet.store, systemClock, id)
    await aFolder(fleet.at('leaving', id))

    assert.match(await whyOf('leaving'), /deleting/)
  })

  test('a key that is too large', async () => {
    const large = Buffer.alloc(400_000, 1).toString('base64')
    await aFolder(fleet.at('large', 'a'), {
      keys: { session: { '15550101.0': { _sessions: { a: incompressible(large) } } as never } },
    })

    assert.match(await whyOf('large'), /session-15550101\.0\.json is too large/)
  })

  test('a folder of which no id can be made, and the second of two folders with the same id', async () => {
    await aFolder(fleet.at('ids', '###'))
    await aFolder(fleet.at('ids', 'berth 1'))
    await aFolder(fleet.at('ids', 'berth:1'))

    const { out } = await fleet.mooring(['--json', 'import', 'multi-file', fleet.at('ids'), '--dry-run'])

    const told = JSON.parse(out).devices
    assert.deepEqual(
      told.map(({ intent, deviceId: id }: never) => [intent, id]),
      [
        ['skip', undefined],
        ['import', 'berth-1'],
        ['skip', 'berth-1'],
      ],
    )
  })
})

test('a dry run tells what each device holds and would lose, as the import does', async () => {
  await aFolder(fleet.at('held', 'held-1'), {
    keys: { 'pre-key': { 1: {} as never, 2: Curve.generateKeyPair() } },
    nextPreKeyId: 3,
    firstUnuploadedPreKeyId: 3,
  })
  const tell = async (...options: string[]) => {
    const { out } = await fleet.mooring(['--json', 'import', 'multi-file', fleet.at('held'), ...options])
    const [{ holdings, notes }] = JSON.parse(out).devices
    return { holdings, notes }
  }

  const dry = await tell('--dry-run')

  assert.equal(dry.holdings.preKeysUploaded, 1)
  assert.deepEqual(dry.notes, [
    '1 key is damaged and left out: pre-key-1',
    'it has no sessions: the next messages from each contact need a second try',
    'it has no app state keys: changes of chats and contacts wait until the phone sends the keys',
  ])
  assert.deepEqual(await tell('--yes'), dry)
})
