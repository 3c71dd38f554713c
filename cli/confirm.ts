/** What cannot be undone is done only after its name was typed, or under --yes. */
import { NotDone, WrongUsage } from './failures.ts'
import type { CliWorld } from './world.ts'

/** @throws WrongUsage where nobody can be asked, NotDone when something else was typed */
export async function mustConfirm(
  { terminal, stop }: CliWorld,
  warning: string,
  name: string,
): Promise<void> {
  if (!terminal.canAsk) throw new WrongUsage(`${warning} Nobody can be asked here: say --yes if it is meant.`)
  const typed = await terminal.ask(`${warning} Type ${name} to go on: `, stop)
  if (typed.trim() !== name) throw new NotDone('That is not its name; nothing was done.')
}
