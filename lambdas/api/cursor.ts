/** Where a listing goes on: opaque to the caller, and bound to the filters that it was given for. It is no secret, only
 *  whole: whoever forges one gets another place in a list that the key may read anyway. */
import { createHash } from 'node:crypto'
import * as z from 'zod'
import { MooringError } from '../../core/errors.ts'

const DIGEST_CHARACTERS = 16

/** The key of the last row read, as DynamoDB gives it and takes it. */
export type Position = Record<string, string | number>

const Position = z.record(z.string().max(64), z.union([z.string().max(256), z.number()]))

/** @param list names the listing and its filters: the same for every page */
export function writeCursor(list: string, position: Position): string {
  const place = Buffer.from(JSON.stringify(position)).toString('base64url')
  return `${place}.${digest(list, place)}`
}

/** Reads the page at the cursor, or the first one.
 *  @throws MooringError BAD_CURSOR when it was changed, or given for another listing */
export async function readAt<Page>(
  list: string,
  cursor: string | undefined,
  read: (after: Position | undefined) => Promise<Page>,
): Promise<Page> {
  if (cursor === undefined) return read(undefined)
  try {
    return await read(positionOf(list, cursor))
  } catch (error) {
    // A forged place that no row of this listing can have.
    if (error instanceof Error && error.name === 'ValidationException') throw badCursor()
    throw error
  }
}

function positionOf(list: string, cursor: string): Position {
  const [place = '', digested, ...rest] = cursor.split('.')
  if (rest.length > 0 || digested !== digest(list, place)) throw badCursor()
  const read = Position.safeParse(parse(Buffer.from(place, 'base64url').toString('utf8')))
  if (!read.success) throw badCursor()
  return read.data
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function digest(list: string, place: string): string {
  return createHash('sha256').update(`${list}\n${place}`).digest('hex').slice(0, DIGEST_CHARACTERS)
}

function badCursor(): MooringError {
  return new MooringError(
    'BAD_CURSOR',
    'the cursor is not one that this listing gave; use `next` as it stands, with the same filters',
  )
}
