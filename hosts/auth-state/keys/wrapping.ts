/** Keeps data keys secret: each is stored wrapped by a wrapping key that is not in the store. The wrapping
 *  key is in AWS KMS (kms-wrapping.ts), or in a file on this machine (key-file-wrapping.ts). */
import type { DeviceId } from '../../../core/ids.ts'

/** AES-256. */
export const DATA_KEY_BYTES = 32

/** Bound into a wrapped key: it cannot be unwrapped for another device or other credentials. */
export interface WrapContext {
  readonly deviceId: DeviceId
  readonly credentialsId: string
}

export interface WrappedKey {
  /** The name of the wrapping key. */
  readonly by: string
  /** In base64. */
  readonly wrapped: string
}

export interface KeyWrapping {
  /** A fresh data key. @throws Error that says why there is none */
  generate(context: WrapContext): Promise<{ readonly plain: Buffer; readonly wrapped: WrappedKey }>
  /** Wraps, by the current wrapping key, a data key that an older one had wrapped. @throws Error */
  wrap(plain: Buffer, context: WrapContext): Promise<WrappedKey>
  /** @throws Error that says why the key cannot be unwrapped; the message shows nothing of it */
  unwrap(wrapped: WrappedKey, context: WrapContext): Promise<Buffer>
  /** The name of the wrapping key that new data keys get. @throws Error */
  current(): Promise<string>
}
