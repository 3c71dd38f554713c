import { after } from 'node:test'
import { embeddedTables } from '../builders/builders.ts'
import { storeContract } from '../core/store/store-contract.ts'

const tables = await embeddedTables()
after(() => tables.close())

storeContract('dynalite', () => tables.fresh())
