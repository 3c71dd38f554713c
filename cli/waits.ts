/** The options of every command that begins what takes its time. */
import type { Command } from 'commander'
import { positiveNumber } from './arguments.ts'

const WAIT_SECONDS_MAX = 3600

export function waits(command: Command): Command {
  return command
    .option('--wait', 'show its progress until it has ended; exit code 1 when it was not done')
    .option(
      '--timeout <seconds>',
      'with --wait: wait no longer; it goes on',
      positiveNumber,
      WAIT_SECONDS_MAX,
    )
}
