import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { SignalDataSet } from '@whiskeysockets/baileys'
import type { Candidate, Source } from '../../../cli/import/candidate.ts'
import { carryOut } from '../../../cli/import/carry-out.ts'
import { plan } from '../../../cli/import/plan.ts'
import { folders } from '../../../cli/import/sources/folders.ts'
import { systemClock } from '../../../core/clock.ts'
import { isMooringError } from '../../../core/errors.ts'
import { systemRandom } from '../../../core/random.ts'
import { start } from '../../../core/requests/device-requests.ts'
import type { Store } from '../../../core/store/store.ts'
import { readWholeState } from '../../../hosts/auth-state/whole-state.ts'
import { aFolder, asJson, keysOfAllTypes, startTestImport, type TestImport } from './builders.ts'

const KILLED_AFTER_MS = [500, 700, 900, 1200]

let fleet: TestImport
before(async () => {
  fleet = await startTestImport()
})
after(() => fleet?.close())

/** A store whose process ends at write number `writesMax`: that write is applied or not, and no write
 *  follows. */
function dyingStore(store: Store, writesMax: number, lastIsApplied: boolean) {
  let writes = 0
  const write = async <Result>(send: () => Promise<Result>): Promise<Result> => {
    writes += 1
    if (writes < writesMax) return send()
    if (writes === writesMax && lastIsApplied) await send()
    throw new Error('killed')
  }
  const dying: Store = {
    ...store,
    put: (table, row, conditions) => write(() => store.put(table, row, conditions)),
    update: (table, key, change) => write(() => store.update(table, key, change)),
    remove: (table, key, conditions) => write(() => store.remove(table, key, conditions)),
  }
  return { dying, isDead: () => writes >= writesMax }
}

async function only(source: Source): Promise<Candidate> {
  for await (const candidate of source.candidates()) return candidate
  throw new Error('no candidate')
}

/** A run of the importer over a folder. */
async function run(store: Store, folder: string) {
  const source = folders([folder])
  const [planned] = await plan(fleet.store, source, { linkedOnly: false }, () => undefined)
  assert.ok(planned)
  const world = {
    store,
    clock: systemClock,
    random: systemRandom,
    wrapping: fleet.wrapping,
    batch: 'night-1',
  }
  return carryOut(world, await only(source), planned, false)
}

test('an import that is killed at any write leaves a device that cannot start, or a complete device', async () => {
  const { 'pre-key': preKeys = {}, session = {} } = keysOfAllTypes()
  const keys: SignalDataSet = { 'pre-key': preKeys, session }
  let points = 0
  for (let dead = true; dead; ) {
    points += 1
    for (const lastIsApplied of [false, true]) {
      const id = `killed-${points}-${lastIsApplied ? 'after' : 'before'}`
      const creds = await aFolder(fleet.at('killed', id), { keys })
      const { dying, isDead } = dyingStore(fleet.store, points, lastIsApplied)

      await run(dying, fleet.at('killed', id))

      dead = isDead()
      const left = await fleet.device(id)
      if (left && !left.pairedAt) {
        assert.equal(left.desired, 'stopped')
        await assert.rejects(start(fleet.store, systemClock, left.deviceId), (error) =>
          isMooringError(error, 'DEVICE_BEING_IMPORTED'),
        )
      }
      const again = await run(fleet.store, fleet.at('killed', id))
      assert.equal(again.outcome, left?.pairedAt ? 'done' : 'imported', id)
      await assertComplete(id, creds, keys)
    }
  }
  assert.ok(points > 12, `${points} points`)
})

/** The store holds exactly the credentials of the folder, once. */
async function assertComplete(id: string, creds: unknown, keys: object): Promise<void> {
  const row = await fleet.device(id)
  assert.ok(row?.pairedAt && row.importing === undefined)
  const place = { device: row.deviceId, credentialsId: row.credentialsId }
  const read = await readWholeState(fleet, place)
  assert.deepEqual(asJson(read.creds), asJson(creds))
  assert.deepEqual(asJson(read.keys), asJson(keys))
  const { rows } = await fleet.store.query('AuthState', { partition: id })
  assert.ok(rows.every(({ key }) => key.startsWith(`${row.credentialsId}/`)))
}

describe('a second run', () => {
  test('continues where a killed run ended, at any point', async () => {
    const creds = new Map<string, unknown>()
    const keys = keysOfAllTypes()
    for (let count = 1; count <= 12; count++) {
      creds.set(`many-${count}`, await aFolder(fleet.at('many', `many-${count}`), { keys }))
    }
    const args = ['import', 'multi-file', fleet.at('many'), '--yes']
    for (const afterMs of KILLED_AFTER_MS) await fleet.mooring(args, afterMs)

    const { out, exit } = await fleet.mooring(args)

    assert.equal(exit, 0)
    assert.match(out, /^12 folders: .*(imported|there already)/m)
    for (const [id, folder] of creds) await assertComplete(id, folder, keys)
  })

  test('takes nothing from an import that is still under way, which then cannot finish', async () => {
    const creds = await aFolder(fleet.at('raced', 'raced-1'))
    let second: Promise<unknown> | undefined
    const slow: Store = {
      ...fleet.store,
      async update(table, key, change) {
        const isFinish = table === 'Devices' && change.remove?.includes('importing' as never)
        if (isFinish) second ??= run(fleet.store, fleet.at('raced', 'raced-1'))
        if (isFinish) await second
        return fleet.store.update(table, key, change)
      },
    }

    const first = await run(slow, fleet.at('raced', 'raced-1'))

    assert.equal(first.outcome, 'done')
    assert.match(first.why ?? '', /another import has brought it in meanwhile/)
    await assertComplete('raced-1', creds, {})
  })

  test('skips a folder that has changed since it was shown: the old system still uses it', async () => {
    await aFolder(fleet.at('alive', 'alive-1'))
    const source = folders([fleet.at('alive')])
    const [planned] = await plan(fleet.store, source, { linkedOnly: false }, () => undefined)
    await aFolder(fleet.at('alive', 'alive-1'), { keys: { 'device-list': { '15550101': ['0'] } } })
    assert.ok(planned)

    const outcome = await carryOut(
      { ...fleet, clock: systemClock, random: systemRandom, batch: 'night-1' },
      await only(source),
      planned,
      false,
    )

    assert.match(outcome.why ?? '', /is the old system still running/)
    assert.equal(await fleet.device('alive-1'), undefined)
  })
})
