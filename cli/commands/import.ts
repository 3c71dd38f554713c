/** The commands that bring devices in and out, and what their help says. */
import { type Command, Option } from 'commander'
import { idArgument } from '../arguments.ts'
import type { Act } from '../command.ts'
import { exportDevice } from '../export.ts'
import { importMultiFile, importPostgres } from '../import.ts'

export function addImportCommands(program: Command, act: Act): void {
  const from = program
    .command('import')
    .description('bring devices of another system in, without pairing again')
  importing(
    from
      .command('multi-file')
      .description('take the multi-file auth folders of Baileys; the name of a folder is the deviceId')
      .argument('<path...>', 'a folder with a creds.json, or a directory of such folders'),
  ).action(act(importMultiFile))
  importing(
    from
      .command('postgres')
      .description('take an export of the devices table: CSV with a header, or JSON, one object a line')
      .argument('<file>', 'ends with .csv, or with .jsonl')
      .option('--linked-only', 'leave out devices without session data')
      .option('--id-column <column>', 'the deviceId', 'id')
      .option('--name-column <column>', 'what people call it', 'device_name')
      .option('--server-column <column>', 'the server name to prefer', 'assigned_server_id')
      .option('--session-column <column>', 'JSON with creds and keys', 'session_data'),
  ).action(act(importPostgres))
  reaching(
    program
      .command('export')
      .description('write a stopped device into a multi-file auth folder; asks first')
      .argument('<id>', 'the deviceId', idArgument)
      .argument('<folder>', 'a new one, or an empty one')
      .option('--yes', 'do not ask'),
  ).action(act(exportDevice))
}

function importing(command: Command): Command {
  return reaching(
    command
      .option('--dry-run', 'only tell what would be imported, and what not and why')
      .option('--yes', 'do not ask')
      .option('--stopped', 'leave the devices stopped: start them when the old system is stopped'),
  ).addHelpText('after', '\nRun it again after an interruption: it goes on where it ended.')
}

function reaching(command: Command): Command {
  return command
    .addOption(
      new Option('--table-prefix <prefix>', "of the fleet's tables").env('TABLE_PREFIX').default('Mooring-'),
    )
    .addOption(new Option('--auth-key <arn>', 'the KMS key that wraps data keys').env('AUTH_KEY'))
    .addOption(
      new Option('--auth-key-file <file>', 'the key file of a local fleet, instead').env('AUTH_KEY_FILE'),
    )
    .addHelpText(
      'after',
      '\nReads and writes the tables itself, with the credentials, region and endpoint of the usual AWS environment.',
    )
}
