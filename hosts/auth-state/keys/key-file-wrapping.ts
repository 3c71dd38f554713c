/** Wraps data keys by wrapping keys on this machine. The local fleet uses it, since it has no KMS. */
import { createHash, randomBytes } from 'node:crypto'
import { decrypt, encrypt } from './aes-gcm.ts'
import { DATA_KEY_BYTES, type KeyWrapping, type WrapContext, type WrappedKey } from './wrapping.ts'

const NAME_HEX_DIGITS = 16

/** @param read gives the wrapping keys, the newest first. It is asked each time, so that a changed file takes
 *  effect at the next connect */
export function keyFileWrapping(read: () => Promise<readonly Buffer[]>): KeyWrapping {
  const newest = async (): Promise<Buffer> => {
    const [key] = await read()
    if (!key) throw new Error('there is no wrapping key')
    return key
  }
  const wrapBy = (key: Buffer, plain: Buffer, context: WrapContext): WrappedKey => ({
    by: wrappingKeyName(key),
    wrapped: encrypt(key, plain, bound(context)).toString('base64'),
  })
  return {
    async generate(context) {
      const plain = randomBytes(DATA_KEY_BYTES)
      return { plain, wrapped: wrapBy(await newest(), plain, context) }
    },
    wrap: async (plain, context) => wrapBy(await newest(), plain, context),
    async unwrap({ by, wrapped }, context) {
      const key = (await read()).find((one) => wrappingKeyName(one) === by)
      if (!key) {
        throw new Error(
          `it was wrapped by ${by}, which the key file does not hold; put that key back into it`,
        )
      }
      try {
        return decrypt(key, Buffer.from(wrapped, 'base64'), bound(context))
      } catch {
        throw new Error('it is damaged, or was copied from another device')
      }
    },
    current: async () => wrappingKeyName(await newest()),
  }
}

/** Names a key without revealing anything of it. */
export function wrappingKeyName(key: Buffer): string {
  return `key-${createHash('sha256').update(key).digest('hex').slice(0, NAME_HEX_DIGITS)}`
}

function bound({ deviceId, credentialsId }: WrapContext): string {
  return JSON.stringify(['mooring data key', deviceId, credentialsId])
}
