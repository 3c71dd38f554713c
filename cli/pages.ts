/** Listings that the API answers page by page. */
import type { Api, Query } from './api.ts'

export const PAGE_ROWS = 200
/** A longer listing is cut, because no command may run for ever. */
const PAGES_MAX = 1000

/** @param take picks the rows from a page
 *  @returns the rows of the first page, or of all, and `next` where there are more */
export async function readPages<Page extends { next?: string | undefined }, Row>(
  api: Api,
  path: string,
  query: Query,
  all: boolean,
  take: (page: Page) => readonly Row[],
): Promise<{ rows: Row[]; next?: string }> {
  const rows: Row[] = []
  let next: string | undefined
  for (let pages = 0; pages < (all ? PAGES_MAX : 1); pages++) {
    const page: Page = await api.get<Page>(path, { ...query, limit: String(PAGE_ROWS), cursor: next })
    rows.push(...take(page))
    next = page.next
    if (next === undefined) break
  }
  return next === undefined ? { rows } : { rows, next }
}
