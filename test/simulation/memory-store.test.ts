/** The store of the simulation keeps the same contract as DynamoDB Local and the embedded database. */
import { storeContract } from '../core/store/store-contract.ts'
import { createMemory, storeOn } from './memory-store.ts'

storeContract('the tables of the simulation', async () =>
  storeOn(createMemory({ nowMs: () => 0, lagMs: () => 0, written: () => undefined })),
)
