/** The public pre-keys that a device has uploaded. They are packed, because each of 300 devices has 812 of
 *  them. */

const ID_BYTES = 3
const PREKEY_BYTES = ID_BYTES + 32

export interface PublicPreKey {
  readonly keyId: number
  readonly publicKey: Buffer
}

export interface PublicSignedPreKey extends PublicPreKey {
  readonly signature: Buffer
}

export interface PreKeyShelf {
  add(keys: readonly PublicPreKey[]): void
  /** Removes a key and returns it, so that each key is used once. */
  take(): PublicPreKey | undefined
  count(): number
  packed(): string
}

export function makePreKeyShelf(packed = ''): PreKeyShelf {
  let shelf = Buffer.from(packed, 'base64')
  return {
    add(keys) {
      const added = keys.map(({ keyId, publicKey }) => {
        const entry = Buffer.alloc(PREKEY_BYTES)
        entry.writeUIntBE(keyId, 0, ID_BYTES)
        publicKey.copy(entry, ID_BYTES)
        return entry
      })
      shelf = Buffer.concat([shelf, ...added])
    },
    take() {
      if (shelf.length < PREKEY_BYTES) return undefined
      const entry = shelf.subarray(0, PREKEY_BYTES)
      shelf = shelf.subarray(PREKEY_BYTES)
      return { keyId: entry.readUIntBE(0, ID_BYTES), publicKey: entry.subarray(ID_BYTES) }
    },
    count: () => shelf.length / PREKEY_BYTES,
    packed: () => shelf.toString('base64'),
  }
}
