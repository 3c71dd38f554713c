/** How an answer goes wrong when a misdeed asks for it. */
import type { Answer, Standing } from './misdeeds.ts'
import type { World } from './world.ts'

export interface Ways {
  /** The right answer. It is made when it is given: an answer that never comes must use up no pre-key. */
  readonly right: () => void
  readonly error: (code: number, text: string | undefined) => void
  readonly damaged?: (seed: number) => void
}

export function misanswer(
  world: World,
  standing: Standing,
  answer: Answer,
  { right, error, damaged }: Ways,
): void {
  if (answer === 'never') return
  if (answer === 'when-lifted') standing.waiting.push(right)
  else if ('afterMs' in answer) world.later(answer.afterMs, right)
  else if ('error' in answer) error(answer.error, answer.text)
  else damaged?.(answer.damaged + standing.used - 1)
}
