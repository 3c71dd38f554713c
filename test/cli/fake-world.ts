/** The world of a command without processes: an API that answers from a table, and a terminal that keeps what
 *  it was given. */
import { PassThrough } from 'node:stream'
import type { Api } from '../../cli/api.ts'
import { openTerminal } from '../../cli/terminal.ts'
import type { CliWorld } from '../../cli/world.ts'
import type { Clock } from '../../core/clock.ts'
import { systemClock } from '../../core/clock.ts'

/** @param answers by path; of several answers each is given once, and the last one again and again */
export function fakeWorld(
  answers: Readonly<Record<string, readonly object[]>>,
  clock: Clock = systemClock,
): CliWorld & { written(): string } {
  const out = new PassThrough()
  const left = new Map(Object.entries(answers).map(([path, all]) => [path, [...all]]))
  const answer = async <T>(path: string): Promise<T> => {
    const all = left.get(path) ?? []
    const found = all.length > 1 ? all.shift() : all[0]
    if (!found) throw new Error(`nobody expected ${path}`)
    return found as T
  }
  const api: Api = { url: 'http://127.0.0.1:9', get: answer, post: answer, delete: answer, nowMs: () => 0 }
  const terminal = openTerminal({
    out: out as unknown as NodeJS.WriteStream,
    errors: new PassThrough(),
    input: new PassThrough() as never,
  })
  const stop = new AbortController().signal
  const written = () => String(out.read() ?? '')
  return { api, terminal, clock, stop, json: false, command: 'npx mooring', written }
}
