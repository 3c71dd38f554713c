/** The commands about devices, and their help. */
import { type Command, Option } from 'commander'
import { DEVICE_STATUSES } from '../../core/store/device-row.ts'
import { idArgument, phoneArgument, positiveNumber, recipientArgument, textArgument } from '../arguments.ts'
import type { Act } from '../command.ts'
import {
  type DeviceRequest,
  deleteDevice,
  listDevices,
  registerDevice,
  requestOf,
  showDevice,
  showHistory,
} from '../devices.ts'
import { pairDevice } from '../pair.ts'
import { reassignDevice } from '../reassign.ts'
import { sendText } from '../send.ts'
import { waits } from '../waits.ts'

const PAIR_SECONDS_MAX = 180

const REQUESTS: Readonly<Record<DeviceRequest, string>> = {
  start: 'connect a device; also after a conflict, a logout or a quarantine',
  stop: "close a device's socket; its credentials are kept",
  restart: "close a device's socket and open it again",
  logout: 'unlink a device at WhatsApp, and archive its credentials',
}

export function addDeviceCommands(program: Command, act: Act): void {
  program
    .command('devices')
    .description('list devices: the server of each, and why it is not connected')
    .addOption(new Option('--status <status>', 'only devices with this status').choices(DEVICE_STATUSES))
    .option('--owner <server>', 'only devices of this server, given by name or id')
    .option(
      '--updated-since <time>',
      'only devices that changed since this time, or since an age such as 15m, 2h or 3d',
    )
    .option('--all', 'list every page, not only the first')
    .action(act(listDevices))
  const device = program.command('device').description('show, register, link, start, stop or move one device')
  ofDevice(device, 'show', 'show a device').action(act(showDevice))
  device
    .command('register')
    .description('register a device and give it a server; harmless to repeat')
    .argument('[id]', 'the deviceId; without it the API makes one up', idArgument)
    .option('--name <name>', 'a name for people to read')
    .action(act(registerDevice))
  ofDevice(
    device,
    'pair',
    'link a device to a phone: shows the QR, again when it changes, and waits for the scan',
  )
    .option(
      '--phone <number>',
      'show a code to type into this phone instead of a QR; for example "+1 555 010 0123"',
      phoneArgument,
    )
    .option('--timeout <seconds>', 'give up after this time', positiveNumber, PAIR_SECONDS_MAX)
    .addHelpText('after', '\nWith --json each QR or code is one line; the last line is the device.')
    .action(act(pairDevice))
  for (const request of Object.keys(REQUESTS) as DeviceRequest[]) {
    ofDevice(device, request, REQUESTS[request]).action(
      act((world, id: string) => requestOf(world, request, id)),
    )
  }
  addLaterCommands(device, act)
}

function addLaterCommands(device: Command, act: Act): void {
  ofDevice(
    device,
    'send',
    "send a text through a device's server; this machine must be able to reach that server",
  )
    .argument('<to>', 'a phone number such as +15550100150, or a jid', recipientArgument)
    .argument('<text>', 'the text', textArgument)
    .addOption(
      new Option(
        '--secret <secret>',
        'the secret that signs messages; its variable keeps it out of lists of processes',
      ).env('MESSAGES_SECRET'),
    )
    .action(act(sendText))
  waits(
    ofDevice(device, 'reassign', 'move a device to another server; its owner releases it first').argument(
      '[server]',
      'name or id of the new server; without it placement chooses',
      idArgument,
    ),
  ).action(act(reassignDevice))
  ofDevice(device, 'history', 'show the owners of a device, and when and why it moved; the newest first')
    .option('--all', 'list every page, not only the first')
    .action(act(showHistory))
  ofDevice(device, 'delete', 'erase a device with its credentials and history; asks first')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      '\nThe phone still shows the device as linked, unless the command `device logout` came first.',
    )
    .action(act(deleteDevice))
}

/** A command about one device that exists. */
function ofDevice(device: Command, name: string, description: string): Command {
  return device.command(name).description(description).argument('<id>', 'the deviceId', idArgument)
}
