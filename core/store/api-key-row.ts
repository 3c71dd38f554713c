/** An API key's row. Only the hash of the key is stored. */
/** What a key may do; each scope includes those before it. */
export const SCOPES = ['read', 'operate', 'admin'] as const

export type Scope = (typeof SCOPES)[number]

export interface KeyRow {
  /** The first 16 hex characters of the hash: names the row without telling the key. */
  readonly keyId: string
  readonly hash: string
  readonly scope: Scope
  readonly label: string
  readonly createdAt: number
}
