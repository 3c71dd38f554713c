/** `mooring device pair`: shows the QR or the code that links a device to a phone, until the device is
 *  linked. WhatsApp renews both every so often, and the new one is then drawn. */
import { stripVTControlCharacters } from 'node:util'
import { toString as drawQr } from 'qrcode'
import type { DeviceAnswer } from '../lambdas/api/answers/device.ts'
import type { CodeAnswer, QrAnswer } from '../lambdas/api/routes/pairing.ts'
import { NotDone, Refused } from './failures.ts'
import { type Line, paintedAlways } from './lines.ts'
import { widthOf } from './table.ts'
import { counted, plain } from './words.ts'
import { type CliWorld, pause } from './world.ts'

const LOOK_EVERY_MS = 1000
/** The API has no QR or code yet, and may have one in a moment. */
const NOT_YET = new Set(['QR_NOT_READY', 'PAIRING_CODE_NOT_READY', 'STORE_BUSY', 'HTTP_503'])
const CODE_HALF = 4
/** The colour code before each cell of a picture's lower edge. */
const EDGE = '\u001b[37m'

export interface PairOptions {
  readonly phone?: string
  /** In seconds. */
  readonly timeout: number
}

/** A QR or a code that a person can link the device with. */
interface Offer {
  readonly answer: QrAnswer | CodeAnswer
  readonly lines: readonly Line[]
}

/** @throws NotDone when the time is over, Refused when the device cannot be linked */
export async function pairDevice(world: CliWorld, id: string, options: PairOptions): Promise<void> {
  const begun = world.clock.mark()
  const isOver = () => world.clock.elapsedMs(begun) >= options.timeout * 1000
  try {
    await untilLinked(world, id, options, isOver)
    await untilConnected(world, id, isOver)
  } finally {
    world.terminal.settle()
  }
}

async function untilLinked(
  world: CliWorld,
  id: string,
  { phone, timeout }: PairOptions,
  isOver: () => boolean,
): Promise<void> {
  const seconds = counted(timeout, 'second')
  let shown = ''
  for (;;) {
    const offer = await lookForOffer(world, id, phone)
    if (offer === 'linked' && shown !== '') return
    if (offer === 'linked') {
      throw new Refused('ALREADY_PAIRED', `device "${id}" is paired; log it out to pair it again`)
    }
    if (isOver()) {
      const instead = 'notYet' in offer ? offer.notYet : 'no phone linked it'
      throw new NotDone(`Device "${id}" was not linked within ${seconds}: ${instead}. Run the command again.`)
    }
    if ('notYet' in offer) {
      if (!world.json) world.terminal.draw([`Waiting: ${offer.notYet}`])
      shown ||= 'waiting'
    } else if (shown !== JSON.stringify(offer.answer)) {
      shown = JSON.stringify(offer.answer)
      if (world.json) world.terminal.printJson(offer.answer)
      else
        world.terminal.draw([
          ...offer.lines,
          `Waiting up to ${seconds} for the phone to link it; Ctrl-C ends this.`,
        ])
    }
    await pause(world, LOOK_EVERY_MS)
  }
}

async function lookForOffer(
  world: CliWorld,
  id: string,
  phone: string | undefined,
): Promise<Offer | 'linked' | { notYet: string }> {
  try {
    return phone === undefined ? await offerQr(world, id) : await offerCode(world, id, phone)
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    if (error.code === 'ALREADY_PAIRED') return 'linked'
    if (NOT_YET.has(error.code)) return { notYet: error.message }
    throw error
  }
}

async function offerQr({ api, terminal }: CliWorld, id: string): Promise<Offer> {
  const answer = await api.get<QrAnswer>(`/devices/${id}/qr`)
  const picture = await drawQr(answer.qr, { type: 'terminal', small: true, errorCorrectionLevel: 'L' })
  // The last line of the picture holds nothing but colour codes.
  const rows = picture.split('\n').filter((row) => stripVTControlCharacters(row) !== '')
  const width = widthOf(stripVTControlCharacters(rows[0] ?? ''))
  const isTooWide = width > terminal.columns()
  return {
    answer,
    lines: [
      `Scan this with the phone for device "${id}": WhatsApp, Linked devices, Link a device`,
      ...rows.map(rowOfQr),
      ...(isTooWide ? [`The QR is cut: make the terminal ${width} columns wide, or use --phone.`] : []),
    ],
  }
}

/** The lower edge is white on the terminal's own ground, all else black on white. */
function rowOfQr(row: string): Line {
  const bare = stripVTControlCharacters(row)
  return row.includes(EDGE) ? paintedAlways('white', bare) : paintedAlways(['bgWhite', 'black'], bare)
}

async function offerCode({ api }: CliWorld, id: string, phoneNumber: string): Promise<Offer> {
  const answer = await api.post<CodeAnswer>(`/devices/${id}/pairing-code`, { phoneNumber })
  const code = plain(answer.code)
  return {
    answer,
    lines: [
      `Type this code into the phone +${plain(phoneNumber)}: WhatsApp, Linked devices, Link a device,`,
      'Link with phone number',
      '',
      `    ${code.slice(0, CODE_HALF)}-${code.slice(CODE_HALF)}`,
      '',
    ],
  }
}

/** WhatsApp asks a newly linked device to reconnect once. */
async function untilConnected(world: CliWorld, id: string, isOver: () => boolean): Promise<void> {
  const { api, terminal, json } = world
  if (!json) {
    terminal.wipe()
    terminal.print('Linked.')
  }
  for (;;) {
    const device = await api.get<DeviceAnswer>(`/devices/${id}`)
    if (device.status === 'connected') {
      const server = device.owner?.name ?? device.owner?.serverId
      const where = server === undefined ? 'its server' : `server "${server}"`
      const account = device.account ? `, as ${device.account.jid}` : ''
      if (json) return terminal.printJson(device)
      return terminal.print(`Device "${id}" is connected on ${where}${account}.`)
    }
    if (isOver())
      throw new NotDone(`Device "${id}" is linked but not connected yet: ${plain(device.explanation ?? '')}.`)
    await pause(world, LOOK_EVERY_MS)
  }
}
