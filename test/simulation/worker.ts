/** A thread of the pool: checks the seeds that it is handed, one after the other. */
import { parentPort } from 'node:worker_threads'
import { checkSeed } from './check.ts'

const port = parentPort
if (!port) throw new Error('worker.ts is started by pool.ts')
port.on('message', ({ from, to }: { from: number; to: number }) => {
  void check(from, to)
})

async function check(from: number, to: number): Promise<void> {
  for (let seed = from; seed < to; seed++) port?.postMessage(await checkSeed(seed))
  port?.postMessage('next')
}
