/** An API key's row. Only the hash of the key is stored. */

/** What a key may do. Each scope includes the scopes before it. */
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
