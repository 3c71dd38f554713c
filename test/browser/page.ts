/** Lets a page in a real browser do what attack.js does, and reads what came of it. */
import { readFileSync } from 'node:fs'
import type { Page } from 'playwright-core'

const SCRIPT = readFileSync(new URL('./attack.js', import.meta.url), 'utf8')

export interface Target {
  /** With the path and the query. */
  readonly url: string
  readonly body: string
  /** That a page can set only after a preflight. */
  readonly headers: Readonly<Record<string, string>>
}

/** Of each way, what the page saw of it. */
export type Seen = Readonly<Record<string, string>>

/** Tries everything, one after another, and tells what the page could read of each answer. */
export async function attack(page: Page, target: Target): Promise<Seen> {
  await page.evaluate(SCRIPT)
  return page.evaluate<Seen>(`attack(${JSON.stringify(target)})`)
}

/** What the page could read, or open: of a guarded endpoint nothing. */
export function gains(seen: Seen): string[] {
  return Object.entries(seen).flatMap(([way, what]) =>
    /^(read|opened)/.test(what) ? [`${way}: ${what}`] : [],
  )
}
