import assert from 'node:assert/strict'
import { test } from 'node:test'
import { devicesTable } from '../../../../cli/import/sources/devices-table.ts'
import { all, failureOf, scratchFile } from '../forms/scratch-files.ts'

const COLUMNS = { idColumn: 'id', nameColumn: 'name', serverColumn: 'server', sessionColumn: 'session' }

test('a signal to stop ends the reading of the file itself, not only the row after it', async () => {
  const source = devicesTable(scratchFile('id\nshop-1\n'), { ...COLUMNS, stop: AbortSignal.abort() })

  assert.equal((await failureOf(source.candidates())).message, 'interrupted')
})

test('the delimiter that is given is the one that counts', async () => {
  const file = scratchFile('id:name:server:session\nshop-1:a,b;c::\n')

  const [candidate] = await all(devicesTable(file, { ...COLUMNS, delimiter: ':' }).candidates())

  assert.equal(candidate?.name, 'a,b;c')
})
