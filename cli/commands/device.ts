/** The commands about devices, and what their help says. */
import { type Command, Option } from 'commander'
import { DEVICE_STATUSES } from '../../core/store/device-row.ts'
import { idArgument, phoneArgument, positiveNumber } from '../arguments.ts'
import type { Act } from '../command.ts'
import {
  deleteDevice,
  listDevices,
  registerDevice,
  showDevice,
  showHistory,
  type Wish,
  wishOf,
} from '../devices.ts'
import { pairDevice } from '../pair.ts'
import { reassignDevice } from '../reassign.ts'
import { sendText } from '../send.ts'
import { waits } from '../waits.ts'

const PAIR_SECONDS_MAX = 180

const WISHES: Readonly<Record<Wish, string>> = {
  start: 'want it connected; also after a conflict, a logout or a quarantine',
  stop: 'want its socket closed; its credentials stay',
  restart: 'want its socket closed and opened again',
  logout: 'want it unlinked at WhatsApp, and its credentials archived',
}

export function addDeviceCommands(program: Command, act: Act): void {
  program
    .command('devices')
    .description('list devices: where each is, and why it is not connected')
    .addOption(new Option('--status <status>', 'only devices of this status').choices(DEVICE_STATUSES))
    .option('--owner <server>', 'only devices of this server; its name or its id')
    .option(
      '--updated-since <time>',
      'only devices that changed since; a time, or an age such as 15m, 2h, 3d',
    )
    .option('--all', 'every page, not only the first')
    .action(act(listDevices))
  const device = program.command('device').description('show one device, or want something of it')
  device
    .command('show')
    .description('show a device')
    .argument('<id>', 'the deviceId', idArgument)
    .action(act(showDevice))
  device
    .command('register')
    .description('register a device; it gets a server at once. Repeating it is harmless')
    .argument('[id]', 'the deviceId; made up when left out', idArgument)
    .option('--name <name>', 'what people call it')
    .action(act(registerDevice))
  device
    .command('pair')
    .description(
      'link a device to a phone: shows the QR, anew when it changes, and waits until it is scanned',
    )
    .argument('<id>', 'the deviceId', idArgument)
    .option(
      '--phone <number>',
      'show a code to type into this phone instead, such as "+1 555 010 0123"',
      phoneArgument,
    )
    .option('--timeout <seconds>', 'give up after so long', positiveNumber, PAIR_SECONDS_MAX)
    .addHelpText('after', '\n--json prints each QR, or code, as one line, and at the end the device.')
    .action(act(pairDevice))
  for (const wish of Object.keys(WISHES) as Wish[]) {
    device
      .command(wish)
      .description(WISHES[wish])
      .argument('<id>', 'the deviceId', idArgument)
      .action(act((world, id: string) => wishOf(world, wish, id)))
  }
  addLaterCommands(device, act)
}

function addLaterCommands(device: Command, act: Act): void {
  device
    .command('send')
    .description('send a text through a device, by the server that has it: this machine must reach that')
    .argument('<id>', 'the deviceId', idArgument)
    .argument('<to>', 'a phone number such as +15550100, or a jid')
    .argument('<text>', 'what to send')
    .addOption(
      new Option(
        '--secret <secret>',
        'that messages are signed with; its variable keeps it out of lists',
      ).env('MESSAGES_SECRET'),
    )
    .action(act(sendText))
  waits(
    device
      .command('reassign')
      .description('move a device to a server, or to any other: its owner lets go first')
      .argument('<id>', 'the deviceId', idArgument)
      .argument('[server]', 'its name or its id; placement chooses when left out', idArgument),
  ).action(act(reassignDevice))
  device
    .command('history')
    .description('who owned it, when, and why it moved; the newest first')
    .argument('<id>', 'the deviceId', idArgument)
    .option('--all', 'every page, not only the first')
    .action(act(showHistory))
  device
    .command('delete')
    .description('erase a device with its credentials and history; asks first')
    .argument('<id>', 'the deviceId', idArgument)
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nThe phone goes on to show it as linked, unless it is logged out first.')
    .action(act(deleteDevice))
}
