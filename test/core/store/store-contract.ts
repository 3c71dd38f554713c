/** The behaviour that Mooring needs of a store on any database. Each test file of a database runs it. */
import { describe } from 'node:test'
import type { Store } from '../../../core/store/store.ts'
import { conditionContract, raceContract } from './store-condition-contract.ts'
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
    conditionContract(freshStore)
    raceContract(freshStore)
    readContract(freshStore)
  })
}
