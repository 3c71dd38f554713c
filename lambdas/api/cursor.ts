/** Cursors: where the next page of a listing begins. A cursor is opaque, signed, and bound to its
 *  listing and filters. The API reads only from positions that it gave out itself, so no caller can
 *  choose where the database reads. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import * as z from 'zod'
import { MooringError } from '../../core/errors.ts'

/** Signed first: no other signature under the same secret can then pass as a cursor's. */
const PURPOSE = 'mooring cursor 1'

/** The key of the last row that was read, as DynamoDB gives and takes it. */
export type Position = Record<string, string | number>

const Position = z.record(z.string().max(64), z.union([z.string().max(256), z.int()]))

export interface Cursors {
  /** @param list names the listing and its filters: the same for every page */
  write(list: string, position: Position): string
  /** Reads the page at the cursor, or the first page without one.
   *  @throws MooringError BAD_CURSOR when this API did not give the cursor, or gave it for another listing */
  readAt<Page>(
    list: string,
    cursor: string | undefined,
    read: (after: Position | undefined) => Promise<Page>,
  ): Promise<Page>
}

/** @param secrets the first secret signs; a cursor signed by any of them is accepted. So a secret can be
 *  replaced while callers page on */
export function createCursors(secrets: readonly [string, ...string[]]): Cursors {
  const [newest] = secrets

  function positionOf(list: string, cursor: string): Position {
    const [place = '', signature = '', ...rest] = cursor.split('.')
    const isOurs = secrets.some((secret) => isSame(signature, sign(secret, list, place)))
    if (rest.length > 0 || !isOurs) throw badCursor()
    const read = Position.safeParse(parse(Buffer.from(place, 'base64url').toString('utf8')))
    if (!read.success) throw badCursor()
    return read.data
  }

  return {
    write(list, position) {
      const place = Buffer.from(JSON.stringify(position)).toString('base64url')
      return `${place}.${sign(newest, list, place)}`
    },
    async readAt(list, cursor, read) {
      if (cursor === undefined) return read(undefined)
      const position = positionOf(list, cursor)
      try {
        return await read(position)
      } catch (error) {
        // Another version gave this position, and its tables had other keys.
        if (error instanceof Error && error.name === 'ValidationException') throw badCursor()
        throw error
      }
    },
  }
}

function sign(secret: string, list: string, place: string): string {
  return createHmac('sha256', secret)
    .update(JSON.stringify([PURPOSE, list, place]))
    .digest('base64url')
}

function isSame(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)]
  return one.length === other.length && timingSafeEqual(one, other)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function badCursor(): MooringError {
  return new MooringError(
    'BAD_CURSOR',
    'this listing did not give the cursor; pass `next` unchanged, with the same filters, or begin without a cursor',
  )
}
