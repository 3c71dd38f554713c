/** A command that cannot be undone runs only after the person has typed a name, or under --yes. */
import { NotDone, WrongUsage } from './failures.ts'
import type { CliWorld } from './world.ts'

/** @throws WrongUsage where nobody can be asked, NotDone when the person typed something else */
export async function mustConfirm(
  { terminal, stop }: CliWorld,
  warning: string,
  name: string,
): Promise<void> {
  if (!terminal.canAsk) {
    throw new WrongUsage(`${warning} This is no terminal, so nobody can be asked: add --yes to confirm.`)
  }
  const typed = await terminal.ask(`${warning} Type ${name} to continue: `, stop)
  if (typed.trim() !== name) throw new NotDone(`You did not type ${name}; nothing was done.`)
}
