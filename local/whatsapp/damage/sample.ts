/** A sample is a well-formed stanza of one kind. The damage is made by bending samples. Pure. */
import type { BinaryNode } from '@whiskeysockets/baileys'
import type { Seeded } from './seeded.ts'

/** The people and the group that appear in samples. */
export interface Cast {
  /** The device that gets the stanzas, by number and by LID. */
  readonly me: string
  readonly meLid: string
  /** A contact of the device, by number and by LID. */
  readonly contact: string
  readonly contactLid: string
  readonly group: string
  /** The time in every stanza, in seconds. It is fixed, so that a seed gives the same bytes on every day. */
  readonly t: string
}

export interface Sample {
  readonly kind: string
  readonly stanza: BinaryNode
  /** Whether a client that obeys the stanza ends its socket. */
  readonly ends?: boolean
}

/** An id as clients make them. */
export function newId(chance: Seeded): string {
  return `3A${chance.bytes(9).toString('hex').toUpperCase()}`
}
