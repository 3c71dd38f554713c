/** The progress of a rolling restart, in words. */
import type { Restart, RestartStep } from '../store/operation-row.ts'

/** The first server that is not done. */
export function currentStep({ steps }: Pick<Restart, 'steps'>): RestartStep | undefined {
  return steps.find(({ phase }) => phase !== 'done')
}

export function stepWords({ name, phase, since, replacedByName }: RestartStep): string {
  const server = `server "${name}"`
  const replacement = `server "${replacedByName}"`
  switch (phase) {
    case 'waiting':
      return since === undefined
        ? `${server} waits for its turn`
        : `${server} waits for its replacement to join`
    case 'draining':
      return `the devices of ${server} move to ${replacement}`
    case 'stopping':
      return `${server} has no devices any more and stops`
    case 'done':
      return replacedByName ? `${server} was replaced by ${replacement}` : `${server} ended by itself`
  }
}

export function progress(restart: Pick<Restart, 'steps' | 'stopAskedBy'>): string {
  const { steps, stopAskedBy } = restart
  const step = currentStep(restart)
  const done = `${countDone(steps)} of ${steps.length} servers are done`
  const then = stopAskedBy === undefined ? '' : ', then the restart ends as asked'
  return step ? `${done}; ${stepWords(step)}${then}` : done
}

export function stoppedAsAsked({ steps, deployment }: Restart): string {
  const said = `stopped as asked after ${countDone(steps)} of ${steps.length} servers`
  if (!deployment) return `${said}, before anything was begun`
  const until = new Date(deployment.protectedUntil).toISOString()
  return `${said}; the service protects the others until ${until}. POST /fleet/restart goes on with them`
}

function countDone(steps: readonly RestartStep[]): number {
  return steps.filter(({ phase }) => phase === 'done').length
}
