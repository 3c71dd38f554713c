/** Answers wrongly, as an active misdeed asks for it. */
import type { ActiveMisdeed, Answer } from './misdeeds.ts'
import type { World } from './world.ts'

export interface Ways {
  /** Makes and sends the right answer. An answer that is never sent must use up no pre-key, so none is made
   *  earlier. */
  readonly right: () => void
  readonly error: (code: number, text: string | undefined) => void
  readonly damaged?: (seed: number) => void
}

export function misanswer(
  world: World,
  active: ActiveMisdeed,
  answer: Answer,
  { right, error, damaged }: Ways,
): void {
  if (answer === 'never') return
  if (answer === 'when-lifted') active.waiting.push(right)
  else if ('afterMs' in answer) world.later(answer.afterMs, right)
  else if ('error' in answer) error(answer.error, answer.text)
  else damaged?.(answer.damaged + active.used - 1)
}
