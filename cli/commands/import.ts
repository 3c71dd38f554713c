/** The commands that import and export devices, and their help. */
import { type Command, Option } from 'commander'
import { idArgument, positiveNumber } from '../arguments.ts'
import type { Act } from '../command.ts'
import { AHEAD_MAX, WAIT_MS_MAX } from '../import/pace.ts'
import { ID_SOURCES } from '../import/sources/whatsmeow/id-sources.ts'
import { span } from '../words.ts'
import type { CliWorld } from '../world.ts'

const PACE =
  `It stays at most ${AHEAD_MAX} devices ahead of those that have connected, and ends after ` +
  `${span(WAIT_MS_MAX)} in which none connects.`

/** The SDK and Baileys take half a second to load. Only these commands need them, so no other waits for
 *  them. */
const imports = () => import('../import.ts')
const exports = () => import('../export.ts')

/** A command whose code is loaded when it runs. */
function later<Module, Given extends unknown[]>(
  load: () => Promise<Module>,
  commandOf: (module: Module) => (world: CliWorld, ...given: Given) => Promise<void>,
) {
  return async (world: CliWorld, ...given: Given) => commandOf(await load())(world, ...given)
}

export function addImportCommands(program: Command, act: Act): void {
  const from = program
    .command('import')
    .description('import devices of another system, without pairing them again')
  importing(
    from
      .command('multi-file')
      .description("import Baileys' multi-file auth folders; the name of a folder is the deviceId")
      .argument('<path...>', 'a folder with a creds.json, or a directory of such folders'),
  ).action(act(later(imports, (module) => module.importMultiFile)))
  importing(
    from
      .command('postgres')
      .description('import an export of a devices table: CSV with a header, or JSON')
      .argument('<file>', 'its content tells the form; it may be packed by gzip')
      .option('--delimiter <character>', 'of a CSV file: one character, or the word tab; found out otherwise')
      .option('--linked-only', 'leave out devices without session data')
      .option('--id-column <column>', 'the column with the deviceId', 'id')
      .option('--name-column <column>', 'the column with the name for people', 'device_name')
      .option('--server-column <column>', 'the column with the preferred server name', 'assigned_server_id')
      .option('--session-column <column>', 'the column with creds and keys, as JSON', 'session_data'),
  ).action(act(later(imports, (module) => module.importPostgres)))
  addKeyStoreCommands(from, act)
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
  ).action(act(later(imports, (module) => module.importWhatsmeow)))
  withTablesOf(
    from
      .command('undo')
      .description('undo an import run for all its devices that have not connected yet; asks first')
      .argument('<batch>', 'the name of the run, as the import printed it', idArgument)
      .option('--dry-run', 'only show which devices would be undone, and which stay')
      .option('--yes', 'do not ask'),
  ).action(act(later(imports, (module) => module.undoImportOf)))
  reaching(
    program
      .command('export')
      .description('write a stopped device to a multi-file auth folder, or to a file of rows; asks first')
      .argument('<id>', 'the deviceId', idArgument)
      .argument('[folder]', 'a new or an empty folder')
      .option('--rows <file>', 'write JSON lines instead, with session, key and value, to this new file')
      .option('--yes', 'do not ask'),
  ).action(act(later(exports, (module) => module.exportDevice)))
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
      .option('--value-column <column>', 'the column with the value')
      .option('--delimiter <character>', 'of a CSV file; by default it is found out'),
  ).action(act(later(imports, (module) => module.importKeyRows)))
  importing(
    device(
      from
        .command('mongodb')
        .description('import what mongoexport writes: one document for each key, or one for each session')
        .argument('<file>', 'JSON lines or a JSON array, best sorted by the session'),
    )
      .option('--session-field <field>', 'the field with the session; it becomes the deviceId')
      .option('--key-field <field>', 'the field with the name of the key, such as creds or pre-key-1'),
  ).action(act(later(imports, (module) => module.importMongodb)))
  importing(
    device(
      from
        .command('redis')
        .description('import a dump of Redis: JSON lines with key and value, and field for hashes')
        .argument('<file>', 'as the command in docs/importing.md writes it'),
    ).option('--key-pattern <pattern>', 'where keys hold the session, as in wa:{session}:{key}'),
  ).action(act(later(imports, (module) => module.importRedis)))
}

function device(command: Command): Command {
  return command.option('--device <id>', 'the deviceId, where the file holds one device')
}

function importing(command: Command): Command {
  return reaching(
    command
      .option('--check', 'only read the source: show what each device holds; needs no fleet')
      .option('--dry-run', 'only show which devices would be imported, and why others would not')
      .option('--yes', 'do not ask')
      .option('--stopped', 'leave the devices stopped, to start them once the old system is stopped')
      .option('--batch <devices>', 'import so many, wait until they are connected, and go on', positiveNumber)
      .option('--keep-going', 'with --batch: go on also when a device has not connected')
      .option('--name <name>', 'the name of this run, by which it can be undone', idArgument)
      .option('--report <file>', 'write a report as JSON, readable by you alone'),
  ).addHelpText('after', `\n${PACE}\nAfter an interruption run it again: it continues where it ended.`)
}

function withTablesOf(command: Command): Command {
  return command.addOption(
    new Option('--table-prefix <prefix>', "prefix of the fleet's tables")
      .env('TABLE_PREFIX')
      .default('Mooring-'),
  )
}

function reaching(command: Command): Command {
  return withTablesOf(command)
    .addOption(new Option('--auth-key <arn>', 'the KMS key that wraps data keys').env('AUTH_KEY'))
    .addOption(new Option('--auth-key-file <file>', 'for a local fleet: its key file').env('AUTH_KEY_FILE'))
    .addHelpText(
      'after',
      '\nIt uses the tables directly. Credentials, region and endpoint come from the usual AWS environment.',
    )
}
