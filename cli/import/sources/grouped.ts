/** Groups the rows of a file by session: each session is a candidate. Where the rows of each session stand
 *  together, one session at a time is in memory. Otherwise all rows are, up to a limit. */
import { counted, shown } from '../../words.ts'
import { type Candidate, idFrom, nameFrom, type Source } from '../candidate.ts'
import type { KeyRow } from './key-row.ts'
import { loadSession } from './session-state.ts'
import { charactersOf, type GroupedFile, type Survey, survey } from './survey.ts'

/** A thousand devices have some 200 MB. Node's heap holds twice as much with room to spare. */
const SCATTERED_CHARACTERS_MAX = 256_000_000
/** A device's rows are some 200 KB; a hundred times that is no device. */
const SESSION_CHARACTERS_MAX = 20_000_000

interface Session {
  readonly session: string
  readonly rows: KeyRow[]
  characters: number
}

/** @param scatteredMax how many characters of rows that stand apart are held in memory */
export function groupedSource(grouped: GroupedFile, scatteredMax = SCATTERED_CHARACTERS_MAX): Source {
  let surveyed: Promise<Survey> | undefined
  return {
    kind: 'session',
    async *candidates() {
      surveyed ??= survey(grouped, scatteredMax)
      const found = await surveyed
      const rows = keyRowsOf(grouped, found.sessions)
      const sessions = found.standTogether ? oneByOne(rows) : together(rows)
      for await (const session of sessions) yield candidate(session, grouped)
      if (found.strayCount > 0) yield strangers(found)
    },
  }
}

async function* keyRowsOf(grouped: GroupedFile, sessions: ReadonlySet<string>): AsyncGenerator<KeyRow> {
  for await (const row of grouped.rows()) {
    if (!('stray' in row) && sessions.has(row.session)) yield row
  }
}

async function* oneByOne(rows: AsyncIterable<KeyRow>): AsyncGenerator<Session> {
  let present: Session | undefined
  for await (const row of rows) {
    if (present && present.session !== row.session) {
      yield present
      present = undefined
    }
    present ??= newSession(row)
    keep(present, row)
  }
  if (present) yield present
}

async function* together(rows: AsyncIterable<KeyRow>): AsyncGenerator<Session> {
  const sessions = new Map<string, Session>()
  for await (const row of rows) {
    const session = sessions.get(row.session) ?? newSession(row)
    sessions.set(row.session, session)
    keep(session, row)
  }
  for (const session of sessions.values()) {
    sessions.delete(session.session)
    yield session
  }
}

function newSession({ session }: KeyRow): Session {
  return { session, rows: [], characters: 0 }
}

function keep(session: Session, row: KeyRow): void {
  session.characters += charactersOf(row.value)
  if (session.characters > SESSION_CHARACTERS_MAX) session.rows.length = 0
  else session.rows.push(row)
}

function candidate({ session, rows, characters }: Session, { device, nameOf }: GroupedFile): Candidate {
  const called = device ?? nameOf(session)
  const { deviceId, notes } = idFrom(called)
  const isTooLarge = characters > SESSION_CHARACTERS_MAX
  return {
    from: session || called,
    deviceId,
    name: nameFrom(called, 'imported'),
    notes,
    load: async () =>
      isTooLarge ? { unusable: 'it is larger than any device: over 20 MB' } : loadSession(deviceId, rows),
  }
}

/** Stands in the report for the rows that belong to no device. */
function strangers({ strays, strayCount }: Survey): Candidate {
  const named = strays.map((stray) => `"${shown(stray)}"`).join(', ')
  const more = strayCount > strays.length ? ', ...' : ''
  return {
    from: counted(strayCount, 'other row'),
    deviceId: undefined,
    name: 'other rows',
    notes: [],
    load: async () => ({ unusable: `of no device: ${named}${more}` }),
  }
}
