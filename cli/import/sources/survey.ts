/** Looks over the rows of a file once, before they are grouped: which sessions there are, whether the rows of
 *  each stand together, and which rows belong to no device. */
import { WrongUsage } from '../../failures.ts'
import { plain, shown } from '../../words.ts'
import type { KeyRow, StrayRow } from './key-row.ts'

const SESSIONS_MAX = 1_000_000
const STRAYS_NAMED_MAX = 3

export interface GroupedFile {
  readonly file: string
  /** The id of the only device of the file, when a person gives it. */
  readonly device?: string
  /** How to sort the file, for a person whose file is too large to be sorted here. */
  readonly howToSort: string
  /** What a session is called, for people and as the deviceId. */
  nameOf(session: string): string
  /** Reads the file from its beginning. */
  rows(): AsyncIterable<KeyRow | StrayRow>
}

export interface Survey {
  /** The sessions that have at least one key of Baileys. */
  readonly sessions: ReadonlySet<string>
  readonly standTogether: boolean
  /** How many rows belong to no device, and some of their names. */
  readonly strayCount: number
  readonly strays: readonly string[]
}

/** @param scatteredMax how many characters may stand apart
 *  @throws WrongUsage when there is no session, or when the rows cannot be grouped in memory */
export async function survey(grouped: GroupedFile, scatteredMax: number): Promise<Survey> {
  const { file, device } = grouped
  const strays: string[] = []
  const known = new Map<string, number>()
  const unknown = new Map<string, number>()
  let strayCount = 0
  let characters = 0
  let present: string | undefined
  let scattered: string | undefined
  for await (const row of grouped.rows()) {
    if ('stray' in row) {
      strayCount += 1
      if (strays.length < STRAYS_NAMED_MAX) strays.push(row.stray)
      continue
    }
    const { session } = row
    if (session !== present && (known.has(session) || unknown.has(session))) scattered ??= session
    present = session
    const counts = row.unknown ? unknown : known
    counts.set(session, (counts.get(session) ?? 0) + 1)
    characters += charactersOf(row.value)
    if (scattered !== undefined && characters > scatteredMax) throw tooScattered(grouped, scattered)
    if (counts.size > SESSIONS_MAX)
      throw new WrongUsage(`${plain(file)} has more than ${SESSIONS_MAX} sessions.`)
  }
  if (known.size === 0) throw new WrongUsage(`${plain(file)} holds no creds and no keys of Baileys.`)
  if (device !== undefined && known.size > 1) {
    throw new WrongUsage(`${plain(file)} holds ${known.size} sessions: --device is for a file with one.`)
  }
  const foreign = [...unknown].filter(([session]) => !known.has(session))
  return {
    sessions: new Set(known.keys()),
    standTogether: scattered === undefined,
    strayCount: foreign.reduce((sum, [, count]) => sum + count, strayCount),
    strays: [...strays, ...foreign.map(([session]) => session)].slice(0, STRAYS_NAMED_MAX),
  }
}

function tooScattered({ file, howToSort }: GroupedFile, session: string): WrongUsage {
  return new WrongUsage(
    `${plain(file)} is too large for rows that stand apart, as those of session "${shown(session)}" do: ` +
      `${howToSort}.`,
  )
}

export function charactersOf(value: unknown): number {
  return typeof value === 'string' ? value.length : JSON.stringify(value ?? null).length
}
