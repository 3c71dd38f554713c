import type { BinaryNode } from '@whiskeysockets/baileys'

/** Whom the stanzas are about. */
export interface Cast {
  readonly me: string
  readonly meLid: string
  readonly contact: string
  readonly contactLid: string
  readonly group: string
  readonly t: string
}

export interface Sample {
  readonly kind: string
  readonly stanza: BinaryNode
  /** A client that takes it at its word ends the socket. */
  readonly ends?: boolean
}
