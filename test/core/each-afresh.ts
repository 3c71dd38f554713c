/** Empty tables and a clock that stands still: new before each test of the file that imports this. */
import { after, beforeEach } from 'node:test'
import type { Store } from '../../core/store.ts'
import { embeddedTables } from './builders.ts'
import { type ManualClock, manualClock } from './manual-clock.ts'

const tables = await embeddedTables()
after(() => tables.close())

export let store: Store
export let clock: ManualClock
export let at: { readonly store: Store; readonly clock: ManualClock }

beforeEach(async () => {
  store = await tables.fresh()
  clock = manualClock()
  at = { store, clock }
})
