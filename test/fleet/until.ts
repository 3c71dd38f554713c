const LOOK_EVERY_MS = 50

/** Looks again and again until `look` finds something, because a test that waits for ever tells nothing.
 *  @throws Error that says what was waited for, and what `instead` found */
export async function until<Found>(
  what: string,
  limitMs: number,
  look: () => Promise<Found | undefined | false>,
  instead: () => Promise<unknown> = async () => '',
): Promise<Found> {
  const deadline = performance.now() + limitMs
  while (performance.now() < deadline) {
    const found = await look()
    if (found) return found
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
  }
  throw new Error(`${what}: not within ${limitMs} ms. ${JSON.stringify(await instead())}`)
}
