/**
 * Makes the first API key, and puts the key into a secret and its hash into the table.
 * CloudFormation invokes it when the stack is created; lib/first-key.ts deploys it.
 * It must never make a second key, nor reveal the key in any other place.
 */
import { PutSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import type { CloudFormationCustomResourceEvent } from 'aws-lambda'
import * as z from 'zod'
import { systemClock } from '../core/clock.ts'
import { IMPATIENT } from './adapters/clients.ts'
import { keyRow, newApiKey } from './api-keys.ts'
import { lambdaStore } from './world.ts'

const schema = z.object({ TABLE_PREFIX: z.string(), API_KEY_SECRET: z.string().min(1) })
const ANSWER_MS_MAX = 10_000
/** Every variable that this Lambda reads. */
export const FIRST_KEY_VARIABLES = Object.keys(schema.shape)

export async function handler(event: CloudFormationCustomResourceEvent): Promise<void> {
  const failure = event.RequestType === 'Create' ? await makeKey() : undefined
  await answer(event, failure)
}

/** @returns the failure, if any: CloudFormation needs an answer in any case, or it waits for an hour */
async function makeKey(): Promise<string | undefined> {
  try {
    const { TABLE_PREFIX, API_KEY_SECRET } = schema.parse(process.env)
    const apiKey = newApiKey()
    const store = lambdaStore(TABLE_PREFIX)
    await store.put('Keys', keyRow(apiKey, 'admin', 'first key, made at deployment', systemClock.wallMs()))
    await new SecretsManagerClient(IMPATIENT).send(
      new PutSecretValueCommand({ SecretId: API_KEY_SECRET, SecretString: apiKey }),
    )
    return undefined
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  }
}

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html */
async function answer(event: CloudFormationCustomResourceEvent, failure: string | undefined): Promise<void> {
  const { StackId, RequestId, LogicalResourceId } = event
  const body = JSON.stringify({
    Status: failure ? 'FAILED' : 'SUCCESS',
    ...(failure ? { Reason: failure } : {}),
    PhysicalResourceId: 'PhysicalResourceId' in event ? event.PhysicalResourceId : 'first-api-key',
    StackId,
    RequestId,
    LogicalResourceId,
  })
  if (!isOfCloudFormation(event.ResponseURL))
    throw new Error('the ResponseURL is not an address of CloudFormation')
  const answered = await fetch(event.ResponseURL, {
    method: 'PUT',
    body,
    // The address is signed for a request without a content type, and fetch would add one.
    headers: { 'content-type': '' },
    redirect: 'error',
    signal: AbortSignal.timeout(ANSWER_MS_MAX),
  })
  if (!answered.ok) throw new Error(`CloudFormation did not take the answer: status ${answered.status}`)
}

/** CloudFormation takes its answers at S3, and a rehearsal takes them on this machine.
 *  Any other address is forged. */
function isOfCloudFormation(text: string): boolean {
  const url = URL.parse(text)
  if (url?.username !== '' || url.password !== '') return false
  if (url.protocol === 'https:') return /\.amazonaws\.com(\.cn)?$/.test(url.hostname) && url.port === ''
  return url.protocol === 'http:' && ['127.0.0.1', 'localhost'].includes(url.hostname)
}
