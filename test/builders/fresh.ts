/** A new world for each test of a file: empty tables, a clock that does not move, and recorders around
 *  them. */
import { after, before, beforeEach } from 'node:test'
import type { Store } from '../../core/store/store.ts'
import { aWorld, embeddedTables, type Tables, type TestWorld } from './builders.ts'
import type { ManualClock } from './manual-clock.ts'

export interface Fresh {
  readonly world: TestWorld
  readonly store: Store
  readonly clock: ManualClock
}

/** Call it once, at the top of a test file. Its properties are those of the running test. */
export function fresh(): Fresh {
  let tables: Tables
  let world: TestWorld

  before(async () => {
    tables = await embeddedTables()
  })
  beforeEach(async () => {
    world = await aWorld(tables)
  })
  after(() => tables.close())

  return {
    get world() {
      return world
    },
    get store() {
      return world.store
    },
    get clock() {
      return world.clock
    },
  }
}
