/** Runs attack.js in a page of a real browser, and tells what the page could read. */
import { readFileSync } from 'node:fs'
import type { Page } from 'playwright-core'

const SCRIPT = readFileSync(new URL('./attack.js', import.meta.url), 'utf8')

export interface Target {
  /** The whole address, with path and query. */
  readonly url: string
  readonly body: string
  /** Headers that a page may set only after a preflight. */
  readonly headers: Readonly<Record<string, string>>
}

/** The answer that the page saw, by the way in which it sent the request. */
export type Seen = Readonly<Record<string, string>>

/** Tries every way, one after another, and tells what the page could read of each answer. */
export async function attack(page: Page, target: Target): Promise<Seen> {
  await page.evaluate(SCRIPT)
  return page.evaluate<Seen>(`attack(${JSON.stringify(target)})`)
}

/** The answers that the page could read, and the sockets that it could open. At a guarded endpoint there
 *  are none. */
export function gains(seen: Seen): string[] {
  return Object.entries(seen).flatMap(([way, what]) =>
    /^(read|opened)/.test(what) ? [`${way}: ${what}`] : [],
  )
}
