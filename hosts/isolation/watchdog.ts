/** Ends a process whose main thread is stuck. An endless loop in the work of one device holds up every socket
 *  of the server, and neither the lease nor its fence can act. So another thread ends the process. A process
 *  that is frozen as a whole is not stuck: its watchdog is frozen as well. */
import { Worker } from 'node:worker_threads'

const TICK_MS = 250
/** The thread only counts, and needs little memory. */
const THREAD_LIMITS = { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2, stackSizeMb: 1 }

/** Ends the process by SIGABRT, as a crash, when its main thread has not turned for `stuckMs`.
 *  @param failed is told why the watchdog has ended; the process goes on without it */
export function startWatchdog(stuckMs: number, failed: (error: unknown) => void): void {
  const turns = new Int32Array(new SharedArrayBuffer(4))
  setInterval(() => void Atomics.add(turns, 0, 1), TICK_MS).unref()
  const thread = new Worker(`(${watch})()`, {
    eval: true,
    execArgv: [],
    env: {},
    workerData: { turns, tickMs: TICK_MS, ticksMax: Math.ceil(stuckMs / TICK_MS) },
    resourceLimits: THREAD_LIMITS,
  })
  thread.on('error', failed)
  thread.unref()
}

/** Runs in the other thread, from its source text: it may use nothing of this file. It counts its own ticks
 *  and reads no clock, because time in which the whole process was frozen must not count. */
function watch(): void {
  const { workerData } = process.getBuiltinModule('node:worker_threads')
  const { writeSync } = process.getBuiltinModule('node:fs')
  const { turns, tickMs, ticksMax } = workerData as { turns: Int32Array; tickMs: number; ticksMax: number }
  let seen = -1
  let ticks = 0
  setInterval(() => {
    const now = Atomics.load(turns, 0)
    ticks = now === seen ? ticks + 1 : 0
    seen = now
    if (ticks < ticksMax) return
    const why = `the main thread has not turned for ${(ticks * tickMs) / 1000} s: an endless loop`
    const event = 'server.stuck'
    writeSync(2, `${JSON.stringify({ level: 'ERROR', message: event, service: 'host', event, why })}\n`)
    process.kill(process.pid, 'SIGABRT')
  }, tickMs)
}
