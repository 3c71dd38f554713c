/** Cursors for a fuzzer: some that the API gave, and others that a reader of its
 *  source could make of them. */
import fc from 'fast-check'
import { createCursors } from '../../../lambdas/api/cursor.ts'
import { CURSOR_SECRET } from '../events.ts'

/** Positions that no row has. Some have the right form, and none may make the database fail. */
const HOSTILE_PLACES: readonly object[] = [
  {},
  { deviceId: '' },
  { deviceId: 1 },
  { deviceId: 'x'.repeat(256) },
  { deviceId: 'waiting-1', at: '9999' },
  { deviceId: '_fleet', at: '' },
  { deviceId: 'waiting-1', status: 'assigned', updatedAt: 1e300 },
  { deviceId: 'waiting-1', status: 'assigned', updatedAt: -1 },
  { deviceId: 'waiting-1', status: 'assigned', updatedAt: Number.MAX_SAFE_INTEGER },
  { deviceId: 'waiting-1', status: 'assigned', updatedAt: 'now' },
  { deviceId: 'waiting-1', owner: 'server-1' },
  { deviceId: { $ne: 1 } },
  { deviceId: null },
  { constructor: 'x', deviceId: 'waiting-1' },
  [],
  Array.from({ length: 100 }, () => 'x'),
]
const LISTS = ['devices {}', 'devices {"status":"assigned"}', 'devices {"owner":"server-1"}']
const GUESSED_SECRET = 'a secret that somebody guessed'

/** Cursors that the API gave, that a stranger made, or that the right secret signed for a position that no
 *  row has.
 *  @param given cursors as the API gave them */
export function anyCursor(given: readonly string[]): fc.Arbitrary<string> {
  return fc.oneof(fc.constantFrom(...given), strangeCursor(given), forgedBy(CURSOR_SECRET))
}

/** Cursors that were changed, cut, grown, crossed, moved or forged. The API gave none of them. */
export function strangeCursor(given: readonly string[]): fc.Arbitrary<string> {
  const real = fc.constantFrom(...given)
  const at = fc.nat({ max: 400 })
  const changed = fc
    .record({ cursor: real, at, to: fc.constantFrom('A', 'z', '0', '-', '_', '.', '~') })
    .map(({ cursor, at: where, to }) => {
      const index = where % cursor.length
      return cursor.slice(0, index) + to + cursor.slice(index + 1)
    })
  const cut = fc.record({ cursor: real, at }).map(({ cursor, at: where }) => cursor.slice(0, where) || '.')
  const grown = fc.record({ cursor: real, more: real }).map(({ cursor, more }) => `${cursor}.${more}`)
  const crossed = fc.tuple(real, real).map(([one, other]) => `${one.split('.')[0]}.${other.split('.')[1]}`)
  const moved = fc
    .record({ cursor: real, place: fc.constantFrom(...HOSTILE_PLACES) })
    .map(({ cursor, place }) => `${inBase64(place)}.${cursor.split('.')[1]}`)
  return fc
    .oneof(changed, cut, grown, crossed, moved, forgedBy(GUESSED_SECRET))
    .filter((cursor) => !given.includes(cursor))
}

function forgedBy(secret: string): fc.Arbitrary<string> {
  const cursors = createCursors([secret])
  return fc
    .record({ list: fc.constantFrom(...LISTS), place: fc.constantFrom(...HOSTILE_PLACES) })
    .map(({ list, place }) => cursors.write(list, place as Record<string, string>))
}

function inBase64(place: object): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url')
}
