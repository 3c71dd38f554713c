/**
 * Makes the first API key: the key goes into a secret, its hash into the table.
 * CloudFormation invokes it when the stack is created; lib/first-key.ts deploys it.
 * It must never make a second key, nor let the key out by any other way.
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
/** Every variable that it reads. */
export const FIRST_KEY_VARIABLES = Object.keys(schema.shape)

export async function handler(event: CloudFormationCustomResourceEvent): Promise<void> {
  const failure = event.RequestType === 'Create' ? await makeKey() : undefined
  await answer(event, failure)
}

/** @returns why it failed: CloudFormation must be answered in any case, else it waits for an hour */
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
    // The address is signed without a content type.
    headers: { 'content-type': '' },
    redirect: 'error',
    signal: AbortSignal.timeout(ANSWER_MS_MAX),
  })
  if (!answered.ok) throw new Error(`CloudFormation did not take the answer: status ${answered.status}`)
}

/** The answer goes to S3, or to a rehearsal on this machine. An event that names another place was made up. */
function isOfCloudFormation(text: string): boolean {
  const url = URL.parse(text)
  if (url?.username !== '' || url.password !== '') return false
  if (url.protocol === 'https:') return /\.amazonaws\.com(\.cn)?$/.test(url.hostname) && url.port === ''
  return url.protocol === 'http:' && ['127.0.0.1', 'localhost'].includes(url.hostname)
}
