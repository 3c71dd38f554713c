/** Reads JSON value by value, however a file holds the values: one a line, over many lines, one after
 *  another, or in an array. Each value may be large, and the file larger than memory. */
import { NotJson, type Piece, scanJson } from './json-scanner.ts'
import { readText, type TextOptions, wrongFile } from './text.ts'

/** A device's session data is some 200 KB; a hundred times that is no device. */
export const RECORD_CHARACTERS_MAX = 20_000_000
/** Credentials nest some ten deep. JSON.parse and its followers would run out of stack at some thousands. */
const DEPTH_MAX = 100
/** The sessions of 10,000 contacts have some million. */
const PARTS_MAX = 2_000_000

const LIMITS = { charactersMax: RECORD_CHARACTERS_MAX, depthMax: DEPTH_MAX, partsMax: PARTS_MAX }

export interface JsonValue {
  /** Where the value stands, for people: "row 3". It is the same in every reading. */
  readonly at: string
  /** As JSON.parse gives it: `__proto__` is a property of its own, where the file has one. */
  readonly value: unknown
  readonly line: number
}

export interface JsonMember extends JsonValue {
  readonly name: string
  /** Which of the file's objects has the member, from 1 on. */
  readonly object: number
}

/** Gives every value at the top of the file, and of an array at the top each element. For mongoexport with
 *  and without `--jsonArray`, and for any JSON lines.
 *  @throws WrongUsage naming the file and the line; Interrupted */
export async function* readJsonValues(file: string, options: TextOptions = {}): AsyncGenerator<JsonValue> {
  let count = 0
  for await (const pieces of jsonPieces(file, readText(file, options), false)) {
    for (const { text, line } of pieces) {
      count += 1
      const at = `row ${count}`
      yield { at, value: parsed(file, text, `${at}, which begins in line ${line},`), line }
    }
  }
}

/** Gives the members of every object at the top of the file one by one. For a dump that is one large object,
 *  as `{"key": value, ...}` with every device in it.
 *  @throws WrongUsage naming the file and the line; Interrupted */
export async function* readJsonMembers(file: string, options: TextOptions = {}): AsyncGenerator<JsonMember> {
  let count = 0
  for await (const pieces of jsonPieces(file, readText(file, options), true)) {
    for (const { text, line, container } of pieces) {
      count += 1
      const at = `entry ${count}`
      const member = parsed(file, `{${text}}`, `${at}, which begins in line ${line},`)
      const [first] = Object.entries(member as Record<string, unknown>)
      if (first) yield { at, name: first[0], value: first[1], line, object: container }
    }
  }
}

/** Gives the pieces that end in one chunk together: a step of an async generator for each would take longer
 *  than the parsing.
 *  @param text the text of the file, in chunks */
export async function* jsonPieces(
  file: string,
  text: AsyncIterable<string>,
  members: boolean,
): AsyncGenerator<readonly Piece[]> {
  const scanner = scanJson(members, LIMITS)
  let isEmpty = true
  try {
    for await (const chunk of text) {
      const pieces = scanner.push(chunk)
      if (pieces.length === 0) continue
      isEmpty = false
      yield pieces
    }
    scanner.end()
  } catch (error) {
    if (!(error instanceof NotJson)) throw error
    throw wrongFile(file, `cannot be read as JSON: ${error.message}.`)
  }
  if (isEmpty) throw wrongFile(file, 'holds nothing to import.')
}

/** @param place where the text stands, as the subject of a sentence */
export function parsed(file: string, text: string, place: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw wrongFile(file, `cannot be read as JSON: ${place} is damaged.`)
  }
}
