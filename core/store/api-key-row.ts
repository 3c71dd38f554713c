/** An API key's row. It holds the hash of the key, never the key. */

/** The rights of a key. Each scope includes the scopes before it. */
export const SCOPES = ['read', 'operate', 'admin'] as const

export type Scope = (typeof SCOPES)[number]

export interface KeyRow {
  /** The first 16 hex characters of the hash. It names the row and does not reveal the key. */
  readonly keyId: string
  readonly hash: string
  readonly scope: Scope
  readonly label: string
  readonly createdAt: number
}
