/** A candidate is a device as another system has it, before the fleet has been asked about it. */
import { createHash } from 'node:crypto'
import { type DeviceId, deviceId, hasIdForm } from '../../core/ids.ts'
import { plain } from '../words.ts'
import type { Linked, Unusable } from './credentials/judge.ts'
import { shown } from './forms/names.ts'

export interface Candidate {
  /** Where the device was found: a folder, or a line of a file. It is the same in every reading. */
  readonly from: string
  /** Absent when no id can be made of its name in the other system. */
  readonly deviceId: DeviceId | undefined
  readonly name: string
  /** The server name to prefer. */
  readonly homeName?: string
  /** Remarks for the person who imports. */
  readonly notes: readonly string[]
  load(): Promise<Loaded>
}

export type Loaded =
  | (Linked & { readonly digest: string })
  | Unusable
  /** The device has no credentials, and none are expected. */
  | { readonly unlinked: true }

/** Everything that can be imported. Each call reads it again, in the same order. */
export interface Source {
  /** The word for one candidate: "folder" or "row". */
  readonly kind: string
  candidates(): AsyncIterable<Candidate>
}

const ID_CHARACTERS_MAX = 64
const NAME_CHARACTERS_MAX = 128

/** Makes an id of `text`: characters that an id must not have become `-`. */
export function idFrom(text: string): { readonly deviceId: DeviceId | undefined; readonly notes: string[] } {
  if (hasIdForm(text)) return { deviceId: deviceId(text), notes: [] }
  const made = text
    .replaceAll(/[^A-Za-z0-9_.-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, ID_CHARACTERS_MAX)
  if (!hasIdForm(made)) return { deviceId: undefined, notes: [] }
  return {
    deviceId: deviceId(made),
    notes: [`its id here is ${made}: "${shown(text)}" cannot be an id`],
  }
}

/** A name that can be shown to people. */
export function nameFrom(text: string, otherwise: string): string {
  const name = plain(text)
    .replaceAll(/[\p{Cc}\p{Cs}]+/gu, ' ')
    .trim()
    .slice(0, NAME_CHARACTERS_MAX)
  return name.isWellFormed() && name !== '' ? name : otherwise
}

export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/** Runs `work` over the items, `width` at a time, and yields the results in the order of the items. */
export async function* inOrder<Item, Result>(
  items: AsyncIterable<Item>,
  width: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const running: Promise<Result>[] = []
  try {
    for await (const item of items) {
      const result = work(item)
      // Its error is thrown in its turn. Until then it must not end the process as one that nobody handles.
      result.catch(() => undefined)
      running.push(result)
      if (running.length >= width) yield await (running.shift() as Promise<Result>)
    }
    while (running.length > 0) yield await (running.shift() as Promise<Result>)
  } finally {
    await Promise.allSettled(running)
  }
}
