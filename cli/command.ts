/** What every command of the CLI is given. */
import type { CliWorld } from './world.ts'

export interface GlobalOptions {
  readonly url: string
  readonly key?: string
  readonly json?: true
}

export type Act = <Given extends unknown[]>(
  command: (world: CliWorld, ...given: Given) => Promise<void>,
) => (...given: unknown[]) => Promise<void>
