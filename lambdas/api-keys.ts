/** API keys. The table holds only their hashes, so a copy of the table opens nothing. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { type KeyRow, SCOPES, type Scope } from '../core/store/api-key-row.ts'
import type { Store } from '../core/store/store.ts'

const KEY_BYTES = 32

export function newApiKey(): string {
  return `mooring_${randomBytes(KEY_BYTES).toString('base64url')}`
}

/** The row to store for `apiKey`. A key has 32 random bytes and cannot be
 *  guessed, so it needs no slow hash. */
export function keyRow(apiKey: string, scope: Scope, label: string, createdAt: number): KeyRow {
  const hash = hashOf(apiKey)
  return { keyId: hash.slice(0, 16), hash, scope, label, createdAt }
}

/** @returns the row of the key that a caller sent, compared in constant time;
 *  undefined when it is not stored */
export async function findKey(store: Store, apiKey: string): Promise<KeyRow | undefined> {
  const hash = hashOf(apiKey)
  const row = await store.get('Keys', { keyId: hash.slice(0, 16) })
  return row && timingSafeEqual(Buffer.from(row.hash), Buffer.from(hash)) ? row : undefined
}

export function scopeAllows(held: Scope, needed: Scope): boolean {
  return SCOPES.indexOf(held) >= SCOPES.indexOf(needed)
}

function hashOf(apiKey: string): string {
  return createHash('sha256').update(apiKey).digest('hex')
}
