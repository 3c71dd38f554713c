/** Programs that a test starts as a person does: their words, and the API that `npm start` serves. */
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { until } from './until.ts'

const SAID_MS_MAX = 60_000

export interface Program {
  readonly child: ChildProcess
  readonly pid: number
  /** All words on stdout and stderr so far. */
  said(): string
  untilSaid(pattern: RegExp): Promise<RegExpExecArray>
  readonly exited: Promise<number | null>
}

export interface ApiAnswer {
  readonly status: number
  readonly body: Record<string, unknown>
}

export interface LocalApi {
  readonly url: string
  readonly key: string
  call(method: string, path: string, body?: unknown): Promise<ApiAnswer>
}

export function listenTo(child: ChildProcess): Program {
  const { pid } = child
  assert.ok(pid)
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => (said += text))
  return {
    child,
    pid,
    said: () => said,
    untilSaid: (pattern) =>
      until(
        String(pattern),
        SAID_MS_MAX,
        async () => pattern.exec(said) ?? undefined,
        async () => said,
      ),
    exited: new Promise((resolve) => child.once('close', resolve)),
  }
}

/** Resolves when the first screen of `npm start` is complete. */
export async function untilWelcomed(program: Program): Promise<LocalApi> {
  const [, url = '', key = ''] = await program.untilSaid(
    /API\s+(http\S+)[\s\S]*API key\s+(\S+)[\s\S]*Ctrl-C ends/,
  )
  return { url, key, call: (method, path, body) => callApi({ url, key }, method, path, body) }
}

/** Calls the API as a person would. */
export async function callApi(
  { url, key }: Pick<LocalApi, 'url' | 'key'>,
  method: string,
  path: string,
  body?: unknown,
): Promise<ApiAnswer> {
  const answer = await fetch(`${url}${path}`, {
    method,
    headers: { 'x-api-key': key, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(20_000),
  })
  return { status: answer.status, body: (await answer.json()) as ApiAnswer['body'] }
}
