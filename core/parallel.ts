/** Work on many rows at once. */

/** The most requests that one caller has in flight when it works on many rows. More would not be faster:
 *  the SDK's client shares its connections, and DynamoDB throttles a burst of writes on one partition. */
export const LANES = 16

/** Runs `work` over `items`, at most `width` at a time. It throws the first error after all work has
 *  ended. */
export async function inParallel<Item, Result>(
  items: readonly Item[],
  width: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = new Array(items.length)
  let next = 0
  const lane = async () => {
    while (next < items.length) {
      const at = next++
      results[at] = await work(items[at] as Item)
    }
  }
  const lanes = await Promise.allSettled(Array.from({ length: Math.min(width, items.length) }, lane))
  for (const ended of lanes) if (ended.status === 'rejected') throw ended.reason
  return results
}
