/** Wraps data keys by a key of AWS KMS, which never leaves KMS. Device and credentials are the encryption
 *  context: KMS refuses a data key that was copied to another device, and CloudTrail names the device of each
 *  request. */
import { DecryptCommand, EncryptCommand, GenerateDataKeyCommand, type KMSClient } from '@aws-sdk/client-kms'
import { DATA_KEY_BYTES, type KeyWrapping, type WrapContext } from './wrapping.ts'

/** No device waits for a request but the one that is about to connect. */
const REQUEST_MS_MAX = 3000

/** @param keyArn the ARN of the key itself. An alias could silently point to another key tomorrow */
export function kmsWrapping(client: KMSClient, keyArn: string): KeyWrapping {
  const limits = () => ({ abortSignal: AbortSignal.timeout(REQUEST_MS_MAX) })
  return {
    async generate(context) {
      const command = new GenerateDataKeyCommand({
        KeyId: keyArn,
        NumberOfBytes: DATA_KEY_BYTES,
        EncryptionContext: asContext(context),
      })
      const { Plaintext, CiphertextBlob } = await asking(() => client.send(command, limits()))
      return { plain: dataKey(Plaintext), wrapped: { by: keyArn, wrapped: base64(CiphertextBlob) } }
    },

    async wrap(plain, context) {
      const EncryptionContext = asContext(context)
      const command = new EncryptCommand({ KeyId: keyArn, Plaintext: plain, EncryptionContext })
      const { CiphertextBlob } = await asking(() => client.send(command, limits()))
      return { by: keyArn, wrapped: base64(CiphertextBlob) }
    },

    async unwrap({ by, wrapped }, context) {
      const CiphertextBlob = Buffer.from(wrapped, 'base64')
      // The key that wrapped it may be an older one. IAM says which keys a server may use.
      const command = new DecryptCommand({
        KeyId: by,
        CiphertextBlob,
        EncryptionContext: asContext(context),
      })
      return dataKey((await asking(() => client.send(command, limits()))).Plaintext)
    },

    current: async () => keyArn,
  }
}

function asContext({ deviceId, credentialsId }: WrapContext): Record<string, string> {
  return { deviceId, credentialsId }
}

async function asking<Answer>(request: () => Promise<Answer>): Promise<Answer> {
  try {
    return await request()
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error))
    throw new Error(`KMS answers ${name}: ${message}`)
  }
}

function dataKey(plain: Uint8Array | undefined): Buffer {
  if (plain?.length !== DATA_KEY_BYTES) throw new Error('KMS answers without a data key')
  return Buffer.from(plain)
}

function base64(blob: Uint8Array | undefined): string {
  if (!blob) throw new Error('KMS answers without a wrapped key')
  return Buffer.from(blob).toString('base64')
}
