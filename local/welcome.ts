/** The first screen of `npm start`: where everything is, and first commands that work when pasted into a
 *  shell. */
import { resolve } from 'node:path'
import { shownUrl } from '../core/messages-url.ts'
import type { LocalFleet } from './fleet.ts'
import type { StartOptions } from './options.ts'
import { quoted } from './run-file.ts'

export interface Welcome {
  readonly fleet: Pick<LocalFleet, 'apiUrl' | 'simulator'>
  readonly options: StartOptions
  readonly apiKey: string
  readonly messagesSecret: string
  /** The file that a shell reads to reach this run. */
  readonly runFile: string
  readonly logDir: string
}

export function welcome({ fleet, options, apiKey, messagesSecret, runFile, logDir }: Welcome): string {
  const { apiUrl, simulator } = fleet
  const { dataDir, messagesUrl } = options
  const phone = simulator && `-H 'Authorization: Bearer ${simulator.controlToken}'`
  const key = `-H ${quoted(`X-Api-Key: ${apiKey}`)}`
  const lines = [
    '',
    `  API          ${apiUrl}      (description: ${apiUrl}/openapi.json)`,
    `  API key      ${apiKey}`,
    ...whatsAppLines(options.whatsApp, simulator),
    messagesUrl === undefined
      ? '  Messages     are only counted; to receive them: MESSAGES_URL=http://127.0.0.1:8080/hook npm start'
      : `  Messages     go to ${shownUrl(messagesUrl)}, signed (docs/operations.md) with ${messagesSecret}`,
    `  Data         ${dataDir ? resolve(dataDir) : 'in memory'}`,
    `  Logs         ${logDir}`,
    '',
    'Register a device:',
    '',
    `  curl -s ${apiUrl}/devices ${key} \\`,
    `    -H 'Content-Type: application/json' -d '{"deviceId":"shop-1","name":"The shop"}'`,
    '',
    ...(simulator
      ? [
          'Link it by having a simulated phone scan its QR:',
          '',
          `  curl -s ${apiUrl}/devices/shop-1/qr ${key} | \\`,
          `    curl -s ${simulator.controlUrl}/phones/scan ${phone} -d @-`,
          '',
        ]
      : []),
    'In another terminal, load the settings of this run; then watch the fleet, send a text, or list all commands:',
    '',
    `  . ${quoted(runFile)}`,
    '  npx mooring watch',
    '  npx mooring device send shop-1 +15550100150 "ahoy"',
    '  npx mooring --help',
    '',
    'You can also import devices of another system, or export a device (docs/importing.md).',
    '',
    'Ctrl-C ends the fleet.',
  ]
  return lines.join('\n')
}

function whatsAppLines(whatsApp: StartOptions['whatsApp'], simulator: LocalFleet['simulator']): string[] {
  const shown = 'the QR of each device that waits for a phone is shown here'
  if (simulator) return [`  WhatsApp     simulated; its phones are controlled at ${simulator.controlUrl}`]
  if (typeof whatsApp === 'string') return [`  WhatsApp     live: ${shown}`]
  return [
    `  WhatsApp     another server, ${whatsApp.url}: no phones and no judge are simulated here`,
    `               ${shown}`,
  ]
}
