/** Runs many seeds on all processors: each worker thread takes the next few seeds when it is done. */
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { Checked } from './check.ts'

/** Seeds handed over at once: enough that the hand-over costs little, few enough that no worker idles at the
 *  end. */
const SEEDS_AT_ONCE = 10
const WORKERS_MAX = 8

export interface PoolOptions {
  readonly firstSeed: number
  readonly seeds: number
  readonly workers?: number | undefined
  /** Ends the run after the seeds under way. */
  readonly until?: AbortSignal
  checked(seed: Checked): void
}

export function workersByDefault(): number {
  return Math.min(WORKERS_MAX, availableParallelism())
}

/** Resolves when every seed is checked, or `until` is aborted. @throws the error that a worker died of */
export async function checkSeeds(options: PoolOptions): Promise<void> {
  const { firstSeed, seeds, workers = workersByDefault(), until } = options
  let next = firstSeed
  const end = firstSeed + seeds

  function work(): Promise<void> {
    const worker = new Worker(new URL('./worker.ts', import.meta.url))
    return new Promise<void>((resolve, reject) => {
      const give = () => {
        if (until?.aborted || next >= end) return void worker.terminate().then(() => resolve(), reject)
        const to = Math.min(end, next + SEEDS_AT_ONCE)
        worker.postMessage({ from: next, to })
        next = to
      }
      worker.on('error', reject)
      worker.on('message', (message: Checked | 'next') => {
        if (message === 'next') give()
        else options.checked(message)
      })
      give()
    })
  }
  await Promise.all(Array.from({ length: Math.min(workers, seeds) }, work))
}
