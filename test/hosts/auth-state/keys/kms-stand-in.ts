/** A stand-in for KMS on this machine, as far as servers use KMS: keys never leave it, and are bound to an
 *  encryption context. */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { KMSClient } from '@aws-sdk/client-kms'

export interface KmsStandIn {
  readonly client: KMSClient
  readonly url: string
  /** The requests, each with its context. */
  readonly requests: { operation: string; body: Body }[]
  /** Makes a key and gives its ARN. */
  createKey(): string
  /** From now on every request is answered with this error; undefined ends that. */
  failWith(error: string | undefined): void
  close(): Promise<void>
}

interface Body {
  readonly KeyId?: string
  readonly NumberOfBytes?: number
  readonly Plaintext?: string
  readonly CiphertextBlob?: string
  readonly EncryptionContext?: Record<string, string>
}

class KmsError extends Error {}

export async function startKmsStandIn(): Promise<KmsStandIn> {
  const keys = new Map<string, Buffer>()
  const requests: KmsStandIn['requests'] = []
  let failing: string | undefined

  const keyOf = (arn = '') => {
    const key = keys.get(arn)
    if (!key) throw new KmsError('NotFoundException')
    return key
  }
  const blobOf = (plain: Buffer, { KeyId = '', EncryptionContext }: Body) => {
    const nonce = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', keyOf(KeyId), nonce).setAAD(bound(EncryptionContext))
    const sealed = Buffer.concat([cipher.update(plain), cipher.final()])
    return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64')
  }
  const operations: Record<string, (body: Body) => object> = {
    GenerateDataKey(body) {
      const plain = randomBytes(body.NumberOfBytes ?? 0)
      return { KeyId: body.KeyId, Plaintext: plain.toString('base64'), CiphertextBlob: blobOf(plain, body) }
    },
    Encrypt: (body) => ({
      KeyId: body.KeyId,
      CiphertextBlob: blobOf(Buffer.from(body.Plaintext ?? '', 'base64'), body),
    }),
    Decrypt(body) {
      const blob = Buffer.from(body.CiphertextBlob ?? '', 'base64')
      const decipher = createDecipheriv('aes-256-gcm', keyOf(body.KeyId), blob.subarray(0, 12))
      decipher.setAAD(bound(body.EncryptionContext)).setAuthTag(blob.subarray(12, 28))
      try {
        const plain = Buffer.concat([decipher.update(blob.subarray(28)), decipher.final()])
        return { KeyId: body.KeyId, Plaintext: plain.toString('base64') }
      } catch {
        throw new KmsError('InvalidCiphertextException')
      }
    },
  }

  const server = createServer(async (request, response) => {
    const operation = String(request.headers['x-amz-target']).replace('TrentService.', '')
    const body = JSON.parse(await textOf(request)) as Body
    requests.push({ operation, body })
    const answer = (status: number, json: object) =>
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(json))
    try {
      if (failing) throw new KmsError(failing)
      answer(200, operations[operation]?.(body) ?? {})
    } catch (error) {
      answer(400, { __type: (error as Error).message, message: 'says the stand-in' })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const client = new KMSClient({
    endpoint: url,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
  })
  return {
    client,
    url,
    requests,
    createKey() {
      const arn = `arn:aws:kms:eu-west-1:123456789012:key/${randomBytes(8).toString('hex')}`
      keys.set(arn, randomBytes(32))
      return arn
    },
    failWith(error) {
      failing = error
    },
    async close() {
      client.destroy()
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

function bound(context: Record<string, string> = {}): Buffer {
  return Buffer.from(JSON.stringify(Object.entries(context).sort()))
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}
