/** The first screen of `npm start`: where everything is, and first commands that work when they are pasted. */
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
  /** Tells a shell of this run. */
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
    `  API          ${apiUrl}      (its description: ${apiUrl}/openapi.json)`,
    `  API key      ${apiKey}`,
    ...whatsAppLines(options.whatsApp, simulator),
    messagesUrl === undefined
      ? '  Messages     are only counted; to get them: MESSAGES_URL=http://127.0.0.1:8080/hook npm start'
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
          'Link it, as a phone that scans its QR would:',
          '',
          `  curl -s ${apiUrl}/devices/shop-1/qr ${key} | \\`,
          `    curl -s ${simulator.controlUrl}/phones/scan ${phone} -d @-`,
          '',
        ]
      : []),
    'In another terminal, first tell it of this run; then watch the fleet, send a text, see what else there is:',
    '',
    `  . ${quoted(runFile)}`,
    '  npx mooring watch',
    '  npx mooring device send shop-1 +15550100150 "ahoy"',
    '  npx mooring --help',
    '',
    'There, too: import devices of another system, or export one (docs/importing.md).',
    '',
    'Ctrl-C ends the fleet.',
  ]
  return lines.join('\n')
}

function whatsAppLines(whatsApp: StartOptions['whatsApp'], simulator: LocalFleet['simulator']): string[] {
  const shown = 'QR codes of devices that wait for a phone are shown here'
  if (simulator) return [`  WhatsApp     simulated; phones are controlled at ${simulator.controlUrl}`]
  if (typeof whatsApp === 'string') return [`  WhatsApp     live: ${shown}`]
  return [
    `  WhatsApp     another server, ${whatsApp.url}: nothing is simulated here, no phones, no judge`,
    `               ${shown}`,
  ]
}
