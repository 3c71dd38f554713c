/** The options that every command has, and the shape in which a command is added to the tree of commands. */
import type { CliWorld } from './world.ts'

export interface GlobalOptions {
  readonly url: string
  readonly key?: string
  readonly json?: true
}

/** Turns a command into the action that commander calls. */
export type Act = <Given extends unknown[]>(
  command: (world: CliWorld, ...given: Given) => Promise<void>,
) => (...given: unknown[]) => Promise<void>
