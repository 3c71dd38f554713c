/** What Mooring relies on in a store, whichever database stands behind it. Each file that names a database
 *  runs it. */
import { describe } from 'node:test'
import type { Store } from '../../../core/store/store.ts'
import { readContract } from './store-read-contract.ts'
import { writeContract } from './store-write-contract.ts'

/** @param freshStore gives a store on empty tables of its own */
export function storeContract(
  database: string,
  freshStore: () => Promise<Store>,
  skip: string | false = false,
): void {
  describe(`the store on ${database}`, { skip }, () => {
    writeContract(freshStore)
    readContract(freshStore)
  })
}
