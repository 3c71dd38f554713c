import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { announce, beat, bury } from '../../../core/protocol/membership.ts'
import { join } from '../../../hosts/server/join.ts'
import * as build from '../../builders/builders.ts'
import { interrupted, onTurn } from '../../builders/faulty-stores.ts'
import { aHostWorld } from '../host-world.ts'

const NEVER = new AbortController().signal

let tables: build.Tables

before(async () => {
  tables = await build.embeddedTables()
})
after(() => tables.close())

/** A server of the name "web-1" that has announced its row. */
async function aNewcomer(id: string, base?: build.TestWorld) {
  const world = base ?? (await build.aWorld(tables))
  const me = build.newcomer(id, { name: 'web-1' })
  await announce(world.store, world.clock, me)
  return { base: world, world: aHostWorld(world).world, me }
}

async function aHeldName() {
  const base = await build.aWorld(tables)
  const holder = await build.anActiveServer(base, 'first-run', { name: 'web-1' })
  return { holder, ...(await aNewcomer('second-run', base)) }
}

describe('a server that joins', () => {
  test('becomes active when its name and URL are free', async () => {
    const { base, world, me } = await aNewcomer('first-run')

    const row = await join(world, me, NEVER)

    assert.equal(row?.state, 'active')
    assert.equal((await build.serverRow(base.store, me.serverId)).state, 'active')
  })

  test('waits for the name of a silent server until the sweep has buried it', async () => {
    const { base, world, me, holder } = await aHeldName()
    const store = interrupted(
      base.store,
      'Servers',
      onTurn(20, () => bury(base.store, holder)),
    )

    const row = await base.clock.runUntilDone(join({ ...world, store }, me, NEVER))

    assert.equal(row?.state, 'active')
    assert.equal((await build.serverRow(base.store, holder.serverId)).state, 'dead')
  })

  test('is refused as soon as the server that holds the name beats', async () => {
    const { base, world, me, holder } = await aHeldName()
    const beats = () => beat(base.store, base.clock, holder.serverId, 0)
    const store = interrupted(base.store, 'Servers', onTurn(3, beats))
    const begun = base.clock.mark()

    const joining = base.clock.runUntilDone(join({ ...world, store }, me, NEVER))

    await assert.rejects(joining, { code: 'SERVER_NAME_TAKEN', message: /which beats/ })
    assert.ok(base.clock.elapsedMs(begun) < 11_000)
  })

  test('is refused when a silent server that holds the name is never buried', async () => {
    const { base, world, me } = await aHeldName()

    const joining = base.clock.runUntilDone(join(world, me, NEVER))

    await assert.rejects(joining, { code: 'SERVER_NAME_TAKEN', message: /not buried/ })
  })

  test('does not become active when it was asked to leave while it waited', async () => {
    const { base, world, me } = await aHeldName()
    const leaving = new AbortController()
    base.clock.startTimer(1000, () => leaving.abort())

    const row = await base.clock.runUntilDone(join(world, me, leaving.signal))

    assert.equal(row, undefined)
    assert.equal((await build.serverRow(base.store, me.serverId)).state, 'joining')
  })
})
