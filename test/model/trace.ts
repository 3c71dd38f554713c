/** Tells a violation in words: one line for each step, with the comment above the step in the model. */

const TICK = '  ---------- one tick'

/** @param replay the output of `spin -t -p`
 *  @param model the text of the model */
export function traceOf(replay: string, model: string): string {
  const lines = model.split('\n')
  const steps = new Map<string, string>()
  for (const [, step, process, name, line, statement] of replay.matchAll(
    /^\s*(\d+):\s+proc\s+(\d+) \((\w+):\d+\) .*?:(\d+) \(state \d+\)\s+\[(.*)\]$/gm,
  )) {
    if (step === undefined || steps.has(step)) continue
    steps.set(step, stepLine(Number(process), name ?? '', commentOver(lines, Number(line)), statement ?? ''))
  }
  return [...steps.values()].join('\n')
}

function stepLine(process: number, name: string, comment: string, statement: string): string {
  switch (name) {
    case 'runServer':
      return `  server ${process}   ${comment}`
    case 'runSweep':
      return `  sweep      ${comment} (server ${serverIn(statement)})`
    case 'tick':
      return TICK
    case 'judge':
      return `  violated   ${statement}`
    default:
      return `  store      ${comment}`
  }
}

function commentOver(lines: readonly string[], line: number): string {
  const over = lines.slice(0, line).findLast((text) => /^\s*\/\*.*\*\/$/.test(text))
  return /\/\* (.*?) \*\//.exec(over ?? '')?.[1] ?? ''
}

/** The server that a statement of the sweep is about. */
function serverIn(statement: string): string | undefined {
  return /server\[(\d)\]|saw\[(\d)\]|owner==(\d)/.exec(statement)?.slice(1).find(Boolean)
}
