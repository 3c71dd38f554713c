/** Counts what DynamoDB would charge for the auth state: each request, and its write units of 1 KB. The table
 *  has no index, so a write costs its item and nothing more. */
import type { AuthItem } from '../../core/store/auth-item-row.ts'
import type { Store } from '../../core/store/store.ts'

const UNIT_BYTES = 1024
/** A number takes a byte for each two digits, and one byte more. */
const NUMBER_BYTES_MAX = 21

export interface Cost {
  requests: number
  writeUnits: number
}

export function keepLedger(store: Store): { readonly store: Store; take(): Cost } {
  let cost: Cost = { requests: 0, writeUnits: 0 }
  const charge = (item: object | undefined) => {
    cost.requests += 1
    cost.writeUnits += Math.max(1, Math.ceil(bytesOf(item ?? {}) / UNIT_BYTES))
  }
  return {
    store: {
      ...store,
      async put(table, row, conditions) {
        const written = await store.put(table, row, conditions)
        if (table === 'AuthState') charge(row)
        return written
      },
      // DynamoDB charges an update for the whole item, and answers with it.
      async update(table, key, change) {
        const row = await store.update(table, key, change)
        if (table === 'AuthState') charge(row)
        return row
      },
    },
    take() {
      const taken = cost
      cost = { requests: 0, writeUnits: 0 }
      return taken
    },
  }
}

function bytesOf(item: Partial<AuthItem>): number {
  return Object.entries(item).reduce((sum, [name, value]) => {
    const bytes = typeof value === 'string' ? Buffer.byteLength(value) : NUMBER_BYTES_MAX
    return sum + name.length + bytes
  }, 0)
}
