/** The options of every command that begins an operation. */
import type { Command } from 'commander'
import { positiveNumber } from './arguments.ts'

const WAIT_SECONDS_MAX = 3600

export function waits(command: Command): Command {
  return command
    .option('--wait', 'show the progress until the end; exit code 1 if it was not done')
    .option(
      '--timeout <seconds>',
      'with --wait: wait at most this long; the operation itself goes on',
      positiveNumber,
      WAIT_SECONDS_MAX,
    )
}
