import { after } from 'node:test'
import { embeddedTables } from './builders.ts'
import { storeContract } from './store-contract.ts'

const tables = await embeddedTables()
after(() => tables.close())

storeContract('dynalite', () => tables.fresh())
