/** Finds circles among imports. */

/** Each group of files that import one another, in whatever number of steps. */
export function circlesOf(imports: ReadonlyMap<string, readonly string[]>): string[][] {
  const reached = new Map([...imports.keys()].map((file) => [file, reachedFrom(file, imports)]))
  const inCircles = [...imports.keys()].filter((file) => reached.get(file)?.has(file))
  const groups = inCircles.map((file) =>
    inCircles.filter((other) => reached.get(file)?.has(other) && reached.get(other)?.has(file)),
  )
  return groups.filter((group, index) => groups.findIndex(([first]) => first === group[0]) === index)
}

function reachedFrom(file: string, imports: ReadonlyMap<string, readonly string[]>): Set<string> {
  const reached = new Set<string>()
  const next = [file]
  for (let at = next.pop(); at !== undefined; at = next.pop()) {
    for (const path of imports.get(at) ?? []) {
      if (reached.has(path)) continue
      reached.add(path)
      next.push(path)
    }
  }
  return reached
}
