/** Cuts a text of JSON into the values that stand in it one after another, so that one value at a time has to
 *  be in memory. It finds only where a value ends; JSON.parse reads it. A text may hold one value a line,
 *  values over many lines, or arrays of values. Pure. */

export interface Piece {
  /** A value, or under `members` a member of an object: `"name": value`. */
  readonly text: string
  /** The line in which it begins, from 1 on. */
  readonly line: number
  /** The value at the top of the text to which a member belongs, from 1 on. */
  readonly container: number
}

export interface Scanner {
  /** Takes the next part of the text.
   *  @throws NotJson */
  push(chunk: string): Piece[]
  /** @throws NotJson when a value or an array has no end */
  end(): void
}

/** The message quotes nothing of the text. */
export class NotJson extends Error {}

export interface ScannerLimits {
  readonly charactersMax: number
  readonly depthMax: number
  /** How many objects, arrays and members a value may have. A value of brackets alone would take forty times
   *  its size in memory. */
  readonly partsMax: number
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const NEWLINE = 0x0a
const OPENS = new Set([0x7b, 0x5b])
const CLOSES = new Set([0x7d, 0x5d])
/** With the byte order mark, which stands in the middle when files were joined. */
const BLANKS = new Set([0x20, 0x09, 0x0a, 0x0d, 0xfeff])

type Fail = (words: string) => never

/** @param members whether to cut objects at the top into their members */
export function scanJson(members: boolean, limits: ScannerLimits): Scanner {
  let begun: string[] = []
  let characters = 0
  let line = 1
  let begunIn = 1
  const fail: Fail = (words) => {
    throw new NotJson(`line ${line} ${words}`)
  }
  const nest = openNest(members, fail)
  const value = followValue(limits, fail)

  function take(text: string): Piece {
    count(text.length)
    const piece = { text: begun.join('') + text, line: begunIn, container: nest.container() }
    begun = []
    characters = 0
    nest.afterPiece()
    return piece
  }

  function count(more: number): void {
    characters += more
    if (characters <= limits.charactersMax) return
    line = begunIn
    fail(`begins a value of more than ${limits.charactersMax / 1e6} MB: no device has so much`)
  }

  function push(chunk: string): Piece[] {
    const pieces: Piece[] = []
    let isPiece = begun.length > 0
    let start = 0
    for (let at = 0; at < chunk.length; at += 1) {
      const code = chunk.charCodeAt(at)
      if (code === NEWLINE) line += 1
      if (!isPiece) {
        if (BLANKS.has(code)) {
          count(1)
          continue
        }
        characters = 0
        begunIn = line
        if (!nest.step(code)) continue
        isPiece = true
        start = at
      }
      const ends = value.step(code, nest.depth() > 0)
      if (!ends) continue
      isPiece = false
      pieces.push(take(chunk.slice(start, ends === 'with' ? at + 1 : at)))
      if (ends === 'before') nest.step(code)
    }
    if (isPiece) {
      count(chunk.length - start)
      begun.push(chunk.slice(start))
    }
    return pieces
  }

  function end(): void {
    if (begun.length > 0) {
      line = begunIn
      fail('begins a value that has no end: the file is cut short')
    }
    if (nest.depth() > 0) fail('is the last, and an array or object has no end: the file is cut short')
  }

  return { push, end }
}

/** The arrays and objects between whose parts the text is cut: an array at the top, and under `members` the
 *  object in it. */
function openNest(members: boolean, fail: Fail) {
  const inside: ('[' | '{')[] = []
  let container = 0
  let next: 'first' | 'comma' | 'after comma' = 'first'

  function enters(character: string): character is '[' | '{' {
    if (inside.at(-1) === '{' || (inside.length > 0 && next === 'comma')) return false
    return (character === '[' && inside.length === 0) || (character === '{' && members)
  }

  /** @returns whether the character begins a piece */
  function step(code: number): boolean {
    const character = String.fromCharCode(code)
    if (enters(character)) {
      if (character === '{') container += 1
      inside.push(character)
      next = 'first'
      return false
    }
    const place = inside.at(-1)
    if (place === undefined) return character === '{' || fail('is no JSON object')
    if (character === (place === '[' ? ']' : '}')) {
      if (next === 'after comma') fail('has a comma with nothing after it')
      inside.pop()
      next = 'comma'
      return false
    }
    if (character === ',') {
      if (next !== 'comma') fail('has a comma with nothing before it')
      next = 'after comma'
      return false
    }
    return next !== 'comma' || fail('lacks a comma between two values')
  }

  return {
    step,
    afterPiece: () => {
      next = 'comma'
    },
    depth: () => inside.length,
    container: () => container,
  }
}

/** Follows a value from its first character to its end. */
function followValue({ depthMax, partsMax }: ScannerLimits, fail: Fail) {
  let isText = false
  let isEscaped = false
  let depth = 0
  let parts = 0

  function countPart(): void {
    parts += 1
    if (parts > partsMax) fail(`holds a value of more than ${partsMax} parts: no device has so many`)
  }

  function ended(how: 'with' | 'before'): 'with' | 'before' {
    parts = 0
    return how
  }

  /** @param isInside whether the value stands in an array or object, so that a comma or bracket ends it
   *  @returns whether the value ends with this character, or before it */
  function step(code: number, isInside: boolean): 'with' | 'before' | undefined {
    if (isText) {
      if (code === NEWLINE) fail('begins within a text: the line before is cut short')
      if (isEscaped) isEscaped = false
      else if (code === BACKSLASH) isEscaped = true
      else if (code === QUOTE) isText = false
      return undefined
    }
    if (code === QUOTE) isText = true
    else if (code === COLON) countPart()
    else if (OPENS.has(code)) {
      depth += 1
      if (depth > depthMax) fail(`nests values more than ${depthMax} deep`)
      countPart()
    } else if (depth === 0) {
      if (code === COMMA || CLOSES.has(code)) return ended('before')
    } else if (CLOSES.has(code)) {
      depth -= 1
      if (depth === 0 && !isInside) return ended('with')
    }
    return undefined
  }

  return { step }
}
