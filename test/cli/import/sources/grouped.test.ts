import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { BufferJSON } from '@whiskeysockets/baileys'
import { WrongUsage } from '../../../../cli/failures.ts'
import { groupedSource } from '../../../../cli/import/sources/grouped.ts'
import type { KeyRow, StrayRow } from '../../../../cli/import/sources/key-row.ts'
import { aLinkedState, loadAll, stateOf, whyOf } from './key-stores.ts'

let creds: string
before(() => {
  creds = JSON.stringify(aLinkedState().creds, BufferJSON.replacer)
})

const credsRow = (session: string): KeyRow => ({ at: 'row 1', session, name: 'creds', value: creds })
const mapping = (session: string, user: string, value: unknown = '"99001"'): KeyRow => ({
  at: 'row 2',
  session,
  name: `lid-mapping-${user}`,
  value,
})
const stray = (name: string): StrayRow => ({ at: 'row 3', stray: name })

function source(rows: readonly (KeyRow | StrayRow)[], scatteredMax?: number, device?: string) {
  let readings = 0
  let open = 0
  const grouped = {
    file: 'rows.csv',
    sessionOption: '--session-column',
    howToSort: 'export it with ORDER BY the session',
    nameOf: (session: string) => session,
    ...(device === undefined ? {} : { device }),
    async *rows() {
      readings += 1
      for (const row of rows) {
        open += 1
        yield row
      }
    },
  }
  return {
    source: groupedSource(grouped, scatteredMax),
    readings: () => readings,
    /** Rows given since the last question. */
    given: () => {
      const count = open
      open = 0
      return count
    },
  }
}

describe('rows of sessions', () => {
  test('that stand together are given session by session, before the next one is read', async () => {
    const scene = source([credsRow('a'), mapping('a', '1'), credsRow('b'), mapping('b', '2'), credsRow('c')])
    const candidates = scene.source.candidates()[Symbol.asyncIterator]()

    const first = await candidates.next()
    const surveyed = 5
    assert.equal(scene.given() - surveyed, 3)
    const second = await candidates.next()

    assert.deepEqual([first.value?.from, second.value?.from], ['a', 'b'])
    assert.equal(scene.given(), 2)
  })

  test('that stand apart are put together, and both readings give the same order', async () => {
    const rows = [credsRow('b'), credsRow('a'), mapping('b', '1'), mapping('a', '2')]
    const scene = source(rows)

    const first = await loadAll(scene.source)
    const second = await loadAll(scene.source)

    assert.deepEqual(
      first.map(({ from }) => from),
      ['b', 'a'],
    )
    assert.deepEqual(stateOf(first[1]).keys, { 'lid-mapping': { 2: '99001' } })
    assert.deepEqual(second, first)
    assert.equal(scene.readings(), 3)
  })

  test('that stand apart in a large file are refused, with the way to sort them', async () => {
    const rows = [credsRow('b'), credsRow('a'), mapping('b', '1')]
    const { length } = creds

    await assert.rejects(loadAll(source(rows, 2 * length).source), (error) => {
      assert.ok(error instanceof WrongUsage)
      assert.match(error.message, /rows\.csv is too large .* session "b" .*: export it with ORDER BY/)
      return true
    })
    await loadAll(source(rows, 3 * length).source)
  })

  test('that are none make the file refused', async () => {
    await assert.rejects(loadAll(source([stray('queue')]).source), /rows\.csv holds no creds and no keys/)
  })
})

describe('the report tells', () => {
  test('a session without creds, and how many keys it has', async () => {
    const [found] = await loadAll(source([mapping('a', '1'), mapping('a', '2')]).source)

    assert.match(whyOf(found), /^it has 2 keys and no creds/)
  })

  test('rows that belong to no device, with some of their names', async () => {
    const rows = [stray('queue:1'), credsRow('a'), stray('queue:2'), stray('queue:3'), stray('queue:4')]

    const [found, others] = await loadAll(source(rows).source)

    assert.equal(found?.from, 'a')
    assert.equal(others?.from, '4 other rows')
    assert.equal(whyOf(others), 'of no device: "queue:1", "queue:2", "queue:3", ...')
  })

  test('a session of which no row has a name of Baileys, as rows of others', async () => {
    const foreign: KeyRow = { at: 'row 1', session: 'cart-9', name: 'total', value: '5', unknown: true }

    const found = await loadAll(source([foreign, credsRow('a')]).source)

    assert.deepEqual(
      found.map(({ from }) => from),
      ['a', '1 other row'],
    )
    assert.match(whyOf(found[1]), /"cart-9"/)
  })

  test('a session that is larger than any device', async () => {
    const rows = [credsRow('a'), mapping('a', '1', 'x'.repeat(21_000_000)), credsRow('b')]

    const [large, usual] = await loadAll(source(rows).source)

    assert.match(whyOf(large), /larger than any device/)
    assert.deepEqual(stateOf(usual).keys, {})
  })
})

test('the id of the only device can be given, and is refused for a file with two', async () => {
  const [found] = await loadAll(source([credsRow('')], undefined, 'shop-1').source)

  assert.equal(found?.deviceId, 'shop-1')
  await assert.rejects(
    loadAll(source([credsRow('a'), credsRow('b')], undefined, 'shop-1').source),
    /--device/,
  )
})
