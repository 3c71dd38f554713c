/** EventBridge on this machine: starts a sweep once a minute, and passes on the end of a task. */
import { systemClock } from '../../core/clock.ts'
import { scheduledEvent, taskStoppedEvent } from './event-bridge.ts'
import { invoke, type LocalFunctions } from './functions.ts'

const SWEEP_EVERY_MS = 60_000

export interface Scheduler {
  /** Off: no further sweep starts, and the caller must end the sweeps under way. On: a sweep starts at
   *  once. */
  sweeps(on: boolean): void
  taskStopped(taskArn: string, exitCode?: number): Promise<void>
  /** Sends no further events; resolves when the functions under way have ended. */
  close(): Promise<void>
}

/** @param sweeps whether sweeps are started; without them only ends of tasks are passed on
 *  @param failed gets each error of a function */
export function startScheduler(
  functions: LocalFunctions,
  sweeps: boolean,
  failed: (error: unknown) => void,
): Scheduler {
  const underway = new Set<Promise<void>>()

  function run(name: 'sweep' | 'task-stopped', event: unknown): Promise<void> {
    const ended = invoke(functions, name, event).then(() => undefined, failed)
    underway.add(ended)
    void ended.then(() => underway.delete(ended))
    return ended
  }

  // A sweep lasts longer than a minute, so the next one starts beside it.
  const sweep = () => void run('sweep', scheduledEvent(new Date(systemClock.wallMs())))
  let timer: NodeJS.Timeout | undefined
  const schedule = (on: boolean) => {
    clearInterval(timer)
    timer = on ? setInterval(sweep, SWEEP_EVERY_MS) : undefined
    if (on) sweep()
  }
  schedule(sweeps)

  return {
    sweeps: schedule,
    taskStopped: (taskArn, exitCode) =>
      run('task-stopped', taskStoppedEvent(new Date(systemClock.wallMs()), taskArn, exitCode)),
    async close() {
      clearInterval(timer)
      await Promise.all(underway)
    },
  }
}
