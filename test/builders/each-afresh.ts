/** Empty tables, a clock that stands still, and a world around them: new before each test of the file that imports this. */
import { after, beforeEach } from 'node:test'
import type { Store } from '../../core/store/store.ts'
import { aWorld, embeddedTables, type TestWorld } from './builders.ts'
import type { ManualClock } from './manual-clock.ts'

const tables = await embeddedTables()
after(() => tables.close())

export let world: TestWorld
export let store: Store
export let clock: ManualClock
export let at: { readonly store: Store; readonly clock: ManualClock }

beforeEach(async () => {
  world = await aWorld(tables)
  at = world
  store = world.store
  clock = world.clock
})
