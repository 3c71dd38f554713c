/** How a person starts the command, so that its hints can be copied as they are. Pure. */

/** npm tells a command that it runs, in these variables. */
const NPM_COMMAND = 'npm_command'
const NPM_SCRIPT = 'npm_lifecycle_event'

/** @returns `mooring`, or how npm was told to run it */
export function invocationOf(variables: Readonly<Record<string, string | undefined>>): string {
  if (variables[NPM_SCRIPT] === 'mooring') return 'npm run mooring --'
  return variables[NPM_COMMAND] === 'exec' ? 'npx mooring' : 'mooring'
}
