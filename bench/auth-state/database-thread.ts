/** Runs the embedded DynamoDB in a thread of its own, so that its work is not counted as work of the auth
 *  state. */
import { parentPort, Worker, workerData } from 'node:worker_threads'
import { LOCAL_CREDENTIALS, startDatabase } from '../../local/database.ts'

export interface DatabaseThread {
  readonly endpoint: string
  close(): Promise<unknown>
}

export async function startDatabaseThread(): Promise<DatabaseThread> {
  const thread = new Worker(new URL(import.meta.url), { workerData: LOCAL_CREDENTIALS })
  const endpoint = await new Promise<string>((resolve, reject) => {
    thread.once('message', resolve)
    thread.once('error', reject)
  })
  return { endpoint, close: () => thread.terminate() }
}

if (parentPort) parentPort.postMessage((await startDatabase({ credentials: workerData })).endpoint)
