/** The commands that import and export devices, and their help. */
import { type Command, Option } from 'commander'
import { idArgument } from '../arguments.ts'
import type { Act } from '../command.ts'
import { exportDevice } from '../export.ts'
import { ID_SOURCES } from '../import/sources/whatsmeow/source.ts'
import {
  importKeyRows,
  importMongodb,
  importMultiFile,
  importPostgres,
  importRedis,
  importWhatsmeow,
} from '../import.ts'

export function addImportCommands(program: Command, act: Act): void {
  const from = program
    .command('import')
    .description('import devices of another system, without pairing them again')
  importing(
    from
      .command('multi-file')
      .description("import Baileys' multi-file auth folders; the name of a folder is the deviceId")
      .argument('<path...>', 'a folder with a creds.json, or a directory of such folders'),
  ).action(act(importMultiFile))
  importing(
    from
      .command('postgres')
      .description('import an export of a devices table: CSV with a header, or one JSON object a line')
      .argument('<file>', 'ends with .csv or .jsonl')
      .option('--linked-only', 'leave out devices without session data')
      .option('--id-column <column>', 'the column with the deviceId', 'id')
      .option('--name-column <column>', 'the column with the name for people', 'device_name')
      .option('--server-column <column>', 'the column with the preferred server name', 'assigned_server_id')
      .option('--session-column <column>', 'the column with creds and keys, as JSON', 'session_data'),
  ).action(act(importPostgres))
  importing(
    from
      .command('whatsmeow')
      .description("import devices of whatsmeow, as in WAHA's GOWS engine and in wuzapi")
      .argument('<path...>', 'a SQLite file, a directory of SQLite files, or a dump as JSON lines')
      .addOption(
        new Option('--id-from <source>', "what becomes the deviceId; auto: wuzapi's name, folder or phone")
          .choices(ID_SOURCES)
          .default('auto'),
      ),
  ).action(act(importWhatsmeow))
  addKeyStoreCommands(from, act)
  reaching(
    program
      .command('export')
      .description('write a stopped device to a multi-file auth folder, or to a file of rows; asks first')
      .argument('<id>', 'the deviceId', idArgument)
      .argument('[folder]', 'a new or an empty folder')
      .option('--rows <file>', 'write JSON lines instead, with session, key and value, to this new file')
      .option('--yes', 'do not ask'),
  ).action(act(exportDevice))
}

/** Sources with one row, document or entry for each Signal key. */
function addKeyStoreCommands(from: Command, act: Act): void {
  importing(
    device(
      from
        .command('key-rows')
        .description('import an export of an SQL table with one row for each key: CSV with a header, or JSON')
        .argument('<file>', 'best sorted by the session'),
    )
      .option('--session-column <column>', 'the column with the session; it becomes the deviceId')
      .option('--type-column <column>', 'the column with the type of the key, where it is not in its name')
      .option('--key-column <column>', 'the column with the name of the key, such as creds or pre-key-1')
      .option('--value-column <column>', 'the column with the value'),
  ).action(act(importKeyRows))
  importing(
    device(
      from
        .command('mongodb')
        .description('import what mongoexport writes: one document for each key, or one for each session')
        .argument('<file>', 'JSON lines or a JSON array, best sorted by the session'),
    )
      .option('--session-field <field>', 'the field with the session; it becomes the deviceId')
      .option('--key-field <field>', 'the field with the name of the key, such as creds or pre-key-1'),
  ).action(act(importMongodb))
  importing(
    device(
      from
        .command('redis')
        .description('import a dump of Redis: JSON lines with key and value, and field for hashes')
        .argument('<file>', 'as the command in docs/importing.md writes it'),
    ).option('--key-pattern <pattern>', 'where keys hold the session, as in wa:{session}:{key}'),
  ).action(act(importRedis))
}

function device(command: Command): Command {
  return command.option('--device <id>', 'the deviceId, where the file holds one device')
}

function importing(command: Command): Command {
  return reaching(
    command
      .option('--dry-run', 'only show which devices would be imported, and why others would not')
      .option('--yes', 'do not ask')
      .option('--stopped', 'leave the devices stopped, to start them once the old system is stopped'),
  ).addHelpText('after', '\nAfter an interruption run it again: it continues where it ended.')
}

function reaching(command: Command): Command {
  return command
    .addOption(
      new Option('--table-prefix <prefix>', "prefix of the fleet's tables")
        .env('TABLE_PREFIX')
        .default('Mooring-'),
    )
    .addOption(new Option('--auth-key <arn>', 'the KMS key that wraps data keys').env('AUTH_KEY'))
    .addOption(new Option('--auth-key-file <file>', 'for a local fleet: its key file').env('AUTH_KEY_FILE'))
    .addHelpText(
      'after',
      '\nIt uses the tables directly. Credentials, region and endpoint come from the usual AWS environment.',
    )
}
