/** Chooses KMS or a key file as the wrapping of data keys, by the two variables of the environment. */
import { KMSClient } from '@aws-sdk/client-kms'
import { readKeyFile } from './key-file.ts'
import { keyFileWrapping } from './key-file-wrapping.ts'
import { kmsWrapping } from './kms-wrapping.ts'
import type { KeyWrapping } from './wrapping.ts'

export interface WrappingNames {
  /** The ARN of a KMS key. */
  readonly AUTH_KEY?: string | undefined
  readonly AUTH_KEY_FILE?: string | undefined
}

/** @throws Error when the key file cannot be used, since no device could connect */
export async function openWrapping({ AUTH_KEY, AUTH_KEY_FILE }: WrappingNames): Promise<KeyWrapping> {
  if (AUTH_KEY) return kmsWrapping(new KMSClient({ maxAttempts: 2 }), AUTH_KEY)
  if (!AUTH_KEY_FILE) throw new Error('BAD_ENVIRONMENT: neither AUTH_KEY nor AUTH_KEY_FILE is set')
  await readKeyFile(AUTH_KEY_FILE)
  return keyFileWrapping(() => readKeyFile(AUTH_KEY_FILE))
}
