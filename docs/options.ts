/** Writes the table of the stack's options into docs/operations.md. `npm run docs` runs it, and
 *  test/lib/configuration.test.ts fails while a row is missing. */
import { readFileSync, writeFileSync } from 'node:fs'
import { OPTIONS, readConfiguration } from '../lib/configuration.ts'

const PAGE = new URL('operations.md', import.meta.url)
const HEAD = '| option | default | meaning |\n|---|---|---|\n'

/** The row of each option: its name, its default and its meaning. */
export function optionRows(): string[] {
  const defaults: Record<string, unknown> = readConfiguration({})
  return Object.entries(OPTIONS).map(
    ([option, { description }]) => `| \`${option}\` | ${defaults[option] ?? 'none'} | ${description} |`,
  )
}

if (import.meta.main) {
  const [before, after] = readFileSync(PAGE, 'utf8').split(HEAD)
  if (after === undefined) throw new Error('docs/operations.md has no table of options')
  const rest = after.replace(/^(?:\|.*\n)+/, '')
  writeFileSync(PAGE, `${before}${HEAD}${optionRows().join('\n')}\n${rest}`)
}
