/** Collects what of a device cannot be imported, and tells it in words: how many rows, and why the first of
 *  them. */
import { counted } from '../../../words.ts'
import type { DeviceRows } from './rows.ts'
import { LEFT_OUT_TABLES } from './rows.ts'
import { DamagedRow } from './values.ts'

export interface Losses {
  /** Maps each row. A damaged one is counted, and left out. */
  each<Row, Result>(what: Lost, rows: readonly Row[], map: (row: Row) => Result): Result[]
  /** Counts a row that is sound, but has no place in Baileys. */
  noPlace(what: Lost): void
  /** Counts messages that later ones have overtaken, and whose keys cannot be mapped. */
  overtaken(count: number): void
  words(): string[]
}

/** What is lost with a row of each kind. */
const CONSEQUENCES = {
  session: 'the next message from that contact needs a second try',
  'sender key': "the sender's next message in that group needs a second try",
  'pre-key': 'a contact who has fetched it needs a second try',
  'identity key': 'that contact counts as new',
  'app state key': 'WhatsApp sends it again',
  'app state collection': 'WhatsApp sends it again',
  'privacy token': 'WhatsApp sends it again',
} as const
export type Lost = keyof typeof CONSEQUENCES

export function createLosses(): Losses {
  const damaged = new Map<Lost, { count: number; first: string }>()
  const placeless = new Map<Lost, number>()
  let overtaken = 0
  return {
    each(what, rows, map) {
      return rows.flatMap((row) => {
        try {
          return [map(row)]
        } catch (error) {
          if (!(error instanceof DamagedRow)) throw error
          const { count = 0, first = error.message } = damaged.get(what) ?? {}
          damaged.set(what, { count: count + 1, first })
          return []
        }
      })
    },
    noPlace: (what) => placeless.set(what, (placeless.get(what) ?? 0) + 1),
    overtaken(count) {
      overtaken += count
    },
    words: () => [
      ...[...damaged].map(
        ([what, { count, first }]) =>
          `${counted(count, what)} cannot be read (${first}): ${CONSEQUENCES[what]}`,
      ),
      ...[...placeless].map(
        ([what, count]) => `${counted(count, what)} of a kind that Baileys does not know`,
      ),
      ...(overtaken === 0
        ? []
        : [`${counted(overtaken, 'message')} that later ones have overtaken cannot be read any more`]),
    ],
  }
}

/** What the tables hold besides, and Baileys has no place for. */
export function leftOutWords({ leftOut, untaken }: Pick<DeviceRows, 'leftOut' | 'untaken'>): string[] {
  const counts = Object.entries(LEFT_OUT_TABLES).flatMap(([table, what]) => {
    const count = leftOut[table as keyof typeof LEFT_OUT_TABLES] ?? 0
    return count === 0 ? [] : [counted(count, what)]
  })
  return [
    ...(untaken === 0
      ? []
      : [`${counted(untaken, 'message')} that was decrypted, but not yet taken by an application, is lost`]),
    ...(counts.length === 0 ? [] : [`left out, as Baileys keeps none: ${counts.join(', ')}`]),
  ]
}
