/** Checks the signature of AWS requests (Signature Version 4) for the local database, Lambda and ECS
 *  endpoints. They answer only programs that were given the credentials of this run. */
import { createHash, createHmac } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { isSame } from './endpoint-guard.ts'

export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** Why a request is refused, with the error type of AWS. */
export interface SignatureFault {
  readonly type:
    | 'MissingAuthenticationTokenException'
    | 'UnrecognizedClientException'
    | 'InvalidSignatureException'
  readonly says: string
}

const FORM = new RegExp(
  '^AWS4-HMAC-SHA256 +Credential=([A-Za-z0-9]+)/(\\d{8})/([a-z0-9-]+)/([a-z0-9]+)/aws4_request, ' +
    '*SignedHeaders=([a-z0-9;-]+), *Signature=([0-9a-f]{64})$',
)
/** These headers say which service is asked and for what: a signature that leaves them out covers nothing. */
const MUST_BE_SIGNED = ['host', 'x-amz-date', 'x-amz-target', 'x-amz-invocation-type']

type Signed = Pick<IncomingMessage, 'method' | 'url' | 'headers' | 'headersDistinct'>

/** @param service as in the scope of the signature, for example `dynamodb`
 *  @returns why the request is refused; undefined when exactly this request was signed with the
 *  credentials */
export function signatureFault(
  request: Signed,
  body: Buffer,
  service: string,
  { accessKeyId, secretAccessKey }: Credentials,
): SignatureFault | undefined {
  const { authorization } = request.headers
  if (authorization === undefined) {
    return { type: 'MissingAuthenticationTokenException', says: 'Request is missing Authentication Token' }
  }
  const wrong: SignatureFault = {
    type: 'InvalidSignatureException',
    says: 'The signature does not match the request.',
  }
  const [, keyId = '', date = '', region = '', scoped, names = '', signature = ''] =
    FORM.exec(authorization) ?? []
  if (scoped !== service) return wrong
  if (!isSame(keyId, accessKeyId)) {
    return {
      type: 'UnrecognizedClientException',
      says: 'These credentials are not those of this run: each start of a local fleet makes new ones.',
    }
  }
  const signedHeaders = names.split(';')
  const time = String(request.headers['x-amz-date'] ?? '')
  const isCovered = MUST_BE_SIGNED.every((name) => signedHeaders.includes(name) || !(name in request.headers))
  if (!isCovered || !signedHeaders.includes('host') || !time.startsWith(`${date}T`)) return wrong
  const scope = [date, region, service, 'aws4_request']
  const text = ['AWS4-HMAC-SHA256', time, scope.join('/'), sha256(canonical(request, body, signedHeaders))]
  const key = scope.reduce<Buffer>(
    (secret, part) => hmac(secret, part),
    Buffer.from(`AWS4${secretAccessKey}`),
  )
  return isSame(signature, hmac(key, text.join('\n')).toString('hex')) ? undefined : wrong
}

function canonical(
  { method, url = '/', headersDistinct }: Signed,
  body: Buffer,
  names: readonly string[],
): string {
  const [path = '/', ...query] = url.split('?')
  const headers = names.map((name) => {
    const values = (headersDistinct[name] ?? []).map((value) => value.trim().replace(/ +/g, ' '))
    return `${name}:${values.join(',')}\n`
  })
  // The path is sent encoded, and signed encoded a second time.
  const encodedPath = path.split('/').map(encoded).join('/')
  return [
    method,
    encodedPath,
    canonicalQuery(query.join('?')),
    headers.join(''),
    names.join(';'),
    sha256(body),
  ].join('\n')
}

function canonicalQuery(query: string): string {
  return [...new URLSearchParams(query)]
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort()
    .join('&')
}

function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex')
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
