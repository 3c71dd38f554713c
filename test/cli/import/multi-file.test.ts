import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { BufferJSON } from '@whiskeysockets/baileys'
import { systemClock } from '../../../core/clock.ts'
import { deviceId, epoch } from '../../../core/ids.ts'
import { register } from '../../../core/protocol/ownership.ts'
import { requestDeletion, start, stop } from '../../../core/requests/device-requests.ts'
import { openAuthState } from '../../../hosts/auth-state/auth-state.ts'
import { aFolder, keysOfAllTypes, newJid, startTestImport, type TestImport } from './builders.ts'

let fleet: TestImport
before(async () => {
  fleet = await startTestImport()
})
after(() => fleet?.close())

/** What the next socket of a device would be given. */
async function openAs(id: string) {
  const row = await fleet.device(id)
  assert.ok(row)
  return openAuthState({
    store: fleet.store,
    clock: systemClock,
    telemetry: { emit: () => undefined },
    wrapping: fleet.wrapping,
    renewDataKeysAfterDays: 365,
    device: row.deviceId,
    credentialsId: row.credentialsId,
    epoch: epoch(row.epoch + 1),
    everPaired: row.pairedAt !== undefined,
    mayWrite: () => true,
    onStale: () => undefined,
  })
}

function asJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, BufferJSON.replacer))
}

function contents(folder: string): Record<string, unknown> {
  return Object.fromEntries(
    readdirSync(folder).map((file) => [file, JSON.parse(readFileSync(`${folder}/${file}`, 'utf8'))]),
  )
}

describe('mooring import multi-file', () => {
  test('gives a device the credentials and the keys of all ten types that Baileys had', async () => {
    const keys = keysOfAllTypes()
    const creds = await aFolder(fleet.at('round', 'shop-1'), { keys })

    const { out, exit } = await fleet.mooring(['import', 'multi-file', fleet.at('round'), '--yes'])

    assert.equal(exit, 0)
    assert.match(out, /^The old system must be stopped/m)
    assert.match(out, /^1 folder: 1 imported$/m)
    const { state } = await openAs('shop-1')
    assert.deepEqual(asJson(state.creds), asJson(creds))
    for (const [type, byId] of Object.entries(keys)) {
      const found = await state.keys.get(type as never, Object.keys(byId))
      assert.deepEqual(asJson(found), asJson(byId), type)
    }
  })

  test('leaves a linked device that waits for a server, or one that is stopped when that is asked', async () => {
    const jid = newJid()
    await aFolder(fleet.at('runs', 'runs-1'), { jid })
    await aFolder(fleet.at('rests', 'rests-1'))

    await fleet.mooring(['import', 'multi-file', fleet.at('runs'), '--yes'])
    await fleet.mooring(['import', 'multi-file', fleet.at('rests'), '--yes', '--stopped'])

    const runs = await fleet.device('runs-1')
    assert.deepEqual([runs?.desired, runs?.status, runs?.importing], ['running', 'unassigned', undefined])
    assert.deepEqual(runs?.account, { jid, lid: '99001:3@lid' })
    assert.ok(runs?.pairedAt && runs.unassignedShard)
    const rests = await fleet.device('rests-1')
    assert.deepEqual([rests?.desired, rests?.unassignedShard], ['stopped', undefined])
    assert.match(rests?.statusReason ?? '', /^imported; start it when the old system is stopped$/)
  })

  test('--dry-run tells what would be done, and does nothing', async () => {
    await aFolder(fleet.at('dry', 'dry-1'))
    mkdirSync(fleet.at('dry', 'dry-2'))

    const { out, exit } = await fleet.mooring(['import', 'multi-file', fleet.at('dry'), '--dry-run'])

    assert.equal(exit, 0)
    assert.match(out, /dry-2 +dry-2 +skipped +it has no creds\.json$/m)
    assert.match(out, /^2 folders: 1 to import, 1 skipped$/m)
    assert.equal(await fleet.device('dry-1'), undefined)
  })

  test('does nothing where nobody can be asked and --yes is missing', async () => {
    await aFolder(fleet.at('asked', 'asked-1'))

    const { err, exit } = await fleet.mooring(['import', 'multi-file', fleet.at('asked')])

    assert.equal(exit, 2)
    assert.match(err, /two live copies of one device conflict/)
    assert.equal(await fleet.device('asked-1'), undefined)
  })

  test('prints no key material', async () => {
    const creds = await aFolder(fleet.at('silent', 'silent-1'), { keys: keysOfAllTypes() })

    const { out, err } = await fleet.mooring(['--json', 'import', 'multi-file', fleet.at('silent'), '--yes'])

    assert.equal(JSON.parse(out).devices[0].outcome, 'imported')
    const secret = Buffer.from(creds.noiseKey.private)
    assert.ok(
      !(out + err).includes(secret.toString('base64')) && !(out + err).includes(secret.toString('hex')),
    )
  })

  test('is harmless when it is repeated', async () => {
    await aFolder(fleet.at('again', 'again-1'))
    await fleet.mooring(['import', 'multi-file', fleet.at('again'), '--yes'])
    const first = await fleet.device('again-1')

    const { out, exit } = await fleet.mooring(['import', 'multi-file', fleet.at('again'), '--yes'])

    assert.equal(exit, 0)
    assert.match(out, /^1 folder: 1 there already$/m)
    assert.deepEqual(await fleet.device('again-1'), first)
  })
})

describe('what is skipped is told with the reason:', () => {
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

    assert.match(await whyOf('known-2'), /the fleet has this linked device .* as known$/)
  })

  test('an id under which the fleet has a device that is linked otherwise', async () => {
    await aFolder(fleet.at('one', 'contested'))
    await aFolder(fleet.at('two', 'contested'))
    await fleet.mooring(['import', 'multi-file', fleet.at('one'), '--yes'])

    assert.match(await whyOf('two'), /the fleet has a device with this id, linked otherwise/)
  })

  test('an id that the fleet waits for to be linked; stopped, it is imported', async () => {
    const id = deviceId('waiting-1')
    await register(fleet.store, systemClock, { deviceId: id, name: id, credentialsId: 'c' })
    await aFolder(fleet.at('waits', id))

    assert.match(await whyOf('waits'), /waits for waiting-1 to be linked: stop it first/)
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
    await aFolder(fleet.at('large', 'a'), { keys: { session: { '15550101.0': randomText(large) as never } } })

    assert.match(await whyOf('large'), /session-15550101\.0\.json is too large/)
  })

  test('a folder of which no id can be made, and two that make the same', async () => {
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

test('what of a device is not taken along is told', async () => {
  await aFolder(fleet.at('notes', 'noted'), {
    keys: {
      'app-state-sync-version': {
        regular: {
          version: 1,
          hash: Buffer.alloc(1),
          indexValueMap: {},
          large: randomText('x'.repeat(600_000)),
        } as never,
      },
    },
  })
  writeFileSync(fleet.at('notes', 'noted', 'session-15550101.0.json'), '')
  writeFileSync(fleet.at('notes', 'noted', 'notes.txt'), 'hello')

  const { out } = await fleet.mooring(['import', 'multi-file', fleet.at('notes'), '--yes'])

  assert.match(out, /notes\.txt is not a file of Baileys/)
  assert.match(out, /session-15550101\.0\.json is damaged/)
  assert.match(out, /app-state-sync-version-regular\.json is too large to be stored; WhatsApp sends it again/)
  assert.match(out, /^1 folder: 1 imported$/m)
})

describe('mooring export', () => {
  test('writes back what was imported, for its owner alone', async () => {
    await aFolder(fleet.at('there', 'back-1'), { keys: keysOfAllTypes() })
    await fleet.mooring(['import', 'multi-file', fleet.at('there'), '--yes', '--stopped'])
    const before = await fleet.device('back-1')

    const { out, exit } = await fleet.mooring(['export', 'back-1', fleet.at('out', 'back-1'), '--yes'])

    assert.equal(exit, 0)
    assert.match(out, /two live copies conflict.*ratchets are old then, and sessions break/)
    assert.deepEqual(contents(fleet.at('out', 'back-1')), contents(fleet.at('there', 'back-1')))
    const modes = readdirSync(fleet.at('out', 'back-1')).map(
      (file) => statSync(fleet.at('out', 'back-1', file)).mode & 0o777,
    )
    assert.deepEqual([...new Set(modes)], [0o600])
    assert.deepEqual(await fleet.device('back-1'), before)
  })

  test('raises no fence: the device starts again under its next epoch', async () => {
    await openAs('back-1')
    const items = () => fleet.store.query('AuthState', { partition: 'back-1' })
    const before = await items()

    await fleet.mooring(['export', 'back-1', fleet.at('out', 'back-1-again'), '--yes'])

    assert.deepEqual(await items(), before)
  })

  test('is refused while the device is not stopped', async () => {
    await start(fleet.store, systemClock, deviceId('back-1'))

    const { err, exit } = await fleet.mooring(['export', 'back-1', fleet.at('out', 'no'), '--yes'])

    assert.equal(exit, 1)
    assert.match(err, /^DEVICE_NOT_STOPPED: device back-1 is not stopped; stop it first/)
  })

  test('is refused for a folder that is not empty', async () => {
    await stop(fleet.store, systemClock, deviceId('back-1'), 'test')

    const { err, exit } = await fleet.mooring(['export', 'back-1', fleet.at('out', 'back-1'), '--yes'])

    assert.equal(exit, 2)
    assert.match(err, /not an empty folder/)
  })

  test('is refused for a device that there is not, or that is not linked', async () => {
    await register(fleet.store, systemClock, {
      deviceId: deviceId('bare'),
      name: 'bare',
      credentialsId: 'c',
      restsBecause: 'test',
    })

    const none = await fleet.mooring(['export', 'nobody', fleet.at('out', 'none'), '--yes'])
    const bare = await fleet.mooring(['export', 'bare', fleet.at('out', 'none'), '--yes'])

    assert.match(none.err, /^DEVICE_NOT_FOUND/)
    assert.match(bare.err, /nothing to export/)
  })
})

/** Text that does not get shorter when it is compressed. */
function randomText(like: string): string {
  let state = 1
  return Array.from(like, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return String.fromCharCode(33 + ((state >> 16) % 90))
  }).join('')
}
