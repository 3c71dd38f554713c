/** Routes that give the QR or the pairing code that links a device to a phone. Anybody who has it can link a
 *  phone of their own, so reading it needs a higher scope than `read`. */
import { toBuffer, toString as toText } from 'qrcode'
import * as z from 'zod'
import { sleep } from '../../../core/clock.ts'
import { MooringError } from '../../../core/errors.ts'
import type { DeviceId } from '../../../core/ids.ts'
import { readPhoneNumber } from '../../../core/phone-number.ts'
import { notify } from '../../../core/placement/notify.ts'
import { readDevice } from '../../../core/protocol/ownership.ts'
import { requestPairingCode } from '../../../core/requests/device-requests.ts'
import type { DeviceRow, Pairing } from '../../../core/store/device-row.ts'
import type { LambdaWorld } from '../../world.ts'
import { image, json } from '../answer.ts'
import { explain } from '../answers/explanation.ts'
import { recordRequest } from '../record-request.ts'
import { answers, defineRoute, named } from '../route.ts'
import { DeviceParams, isoTime, Time } from '../schemas.ts'

const QR_PIXELS = 512
const QR_MARGIN_MODULES = 2

const QrAnswer = named('Qr', z.object({ qr: z.string(), since: Time, expiresAt: Time }))
export type QrAnswer = z.output<typeof QrAnswer>

const showQr = defineRoute({
  method: 'GET',
  path: '/devices/{deviceId}/qr',
  scope: 'operate',
  summary: 'Show the QR code that links the device, as text, PNG or SVG',
  description: 'The QR code changes every 20 to 60 seconds: ask again when it has expired.',
  params: DeviceParams,
  query: z.strictObject({ format: z.enum(['raw', 'png', 'svg']).default('raw') }),
  answers: {
    200: {
      says: 'the QR code',
      content: {
        'application/json': QrAnswer,
        'image/png': z.string(),
        'image/svg+xml': z.string(),
      },
    },
  },
  refusals: ['DEVICE_NOT_FOUND', 'QR_NOT_READY', 'ALREADY_PAIRED', 'DEVICE_NOT_RUNNING'],
  async handle(world, { params, query }) {
    const row = await readDevice(world.store, params.deviceId)
    const { qr, since, expiresAt } = mustHaveQr(world, row)
    if (query.format === 'png')
      return image('image/png', await toBuffer(qr, { width: QR_PIXELS, margin: QR_MARGIN_MODULES }))
    if (query.format === 'svg')
      return image('image/svg+xml', await toText(qr, { type: 'svg', margin: QR_MARGIN_MODULES }))
    return json(200, { qr, since: isoTime(since), expiresAt: isoTime(expiresAt) })
  },
})

function digitsOf(text: string, context: z.RefinementCtx): string {
  const read = readPhoneNumber(text)
  if ('digits' in read) return read.digits
  context.addIssue(read.fault)
  return z.NEVER
}

/** @throws MooringError QR_NOT_READY | ALREADY_PAIRED | DEVICE_NOT_RUNNING */
function mustHaveQr(world: LambdaWorld, row: DeviceRow): Pairing & { readonly qr: string } {
  mustBeLinkable(row)
  const { pairing } = row
  if (pairing?.qr !== undefined && pairing.expiresAt > world.clock.wallMs()) {
    return { ...pairing, qr: pairing.qr }
  }
  throw new MooringError(
    'QR_NOT_READY',
    `device "${row.deviceId}" has no QR code at the moment; ${statusOf(world, row)}`,
  )
}

const CODE_WAITED_FOR_MS = 8000
const POLL_EVERY_MS = 250
/** A request for a code that no server has answered for this long is made again. */
const REQUEST_VALID_MS = 15_000

const CodeAnswer = named('PairingCode', z.object({ code: z.string(), expiresAt: Time }))
export type CodeAnswer = z.output<typeof CodeAnswer>

const makePairingCode = defineRoute({
  method: 'POST',
  path: '/devices/{deviceId}/pairing-code',
  scope: 'operate',
  summary: 'Get a code of 8 characters to type into the phone',
  description:
    'The answer waits up to 8 s for the code. Repeated for the same phone number, the request gives the code that is ' +
    'still valid, or goes on waiting.',
  params: DeviceParams,
  body: z.strictObject({
    phoneNumber: z
      .string()
      .regex(/\d/, 'is no phone number')
      .transform(digitsOf)
      .describe('with its country code; blanks, dashes, dots, brackets and a leading + or 00 are ignored')
      .meta({ example: '15550100123' }),
  }),
  answers: { 200: answers('the code', CodeAnswer) },
  refusals: [
    'DEVICE_NOT_FOUND',
    'DEVICE_NOT_RUNNING',
    'DEVICE_QUARANTINED',
    'DEVICE_BEING_DELETED',
    'ALREADY_PAIRED',
    'PAIRING_CODE_NOT_READY',
  ],
  async handle(world, { params, body, caller }) {
    const present = await readDevice(world.store, params.deviceId)
    const before = validCode(present, body.phoneNumber, world.clock.wallMs())
    if (before) return json(200, before)
    const requestId = openRequest(present, body.phoneNumber, world.clock.wallMs()) ?? world.random.id()
    if (requestId !== present.pairingCodeRequest?.requestId) {
      const { phoneNumber } = body
      const request = { phoneNumber, requestId }
      const row = await requestPairingCode(world.store, world.clock, params.deviceId, request)
      if (row.owner) await notify(world, row.owner)
      await recordRequest(world, row, 'pairing code', caller)
    }
    return json(200, await awaitCode(world, params.deviceId, requestId))
  },
})

function validCode({ pairing }: DeviceRow, phoneNumber: string, nowMs: number): CodeAnswer | undefined {
  if (!pairing?.code || pairing.phoneNumber !== phoneNumber || pairing.expiresAt <= nowMs) return undefined
  return { code: pairing.code, expiresAt: isoTime(pairing.expiresAt) }
}

function openRequest({ pairingCodeRequest: request }: DeviceRow, phoneNumber: string, nowMs: number) {
  const isOpen = request?.phoneNumber === phoneNumber && nowMs - request.at < REQUEST_VALID_MS
  return isOpen ? request.requestId : undefined
}

/** @throws MooringError PAIRING_CODE_NOT_READY | ALREADY_PAIRED | DEVICE_NOT_RUNNING */
async function awaitCode(world: LambdaWorld, id: DeviceId, requestId: string): Promise<CodeAnswer> {
  const begun = world.clock.mark()
  for (;;) {
    const row = await readDevice(world.store, id)
    const { pairing } = row
    if (row.pairingRequestId === requestId && pairing?.code) {
      return { code: pairing.code, expiresAt: isoTime(pairing.expiresAt) }
    }
    mustBeLinkable(row)
    // Without an owner no server can answer, so waiting would only hold up the caller.
    if (!row.owner || world.clock.elapsedMs(begun) >= CODE_WAITED_FOR_MS) {
      throw new MooringError(
        'PAIRING_CODE_NOT_READY',
        `device "${id}" has no code yet; ${statusOf(world, row)}; ask again`,
      )
    }
    await sleep(world.clock, POLL_EVERY_MS)
  }
}

/** @throws MooringError ALREADY_PAIRED | DEVICE_NOT_RUNNING */
function mustBeLinkable({ deviceId, pairedAt, desired }: DeviceRow): void {
  if (pairedAt !== undefined) {
    throw new MooringError('ALREADY_PAIRED', `device "${deviceId}" is paired; log it out to pair it again`)
  }
  if (desired === 'stopped') {
    throw new MooringError('DEVICE_NOT_RUNNING', `device "${deviceId}" is stopped; start it first`)
  }
}

function statusOf({ clock, settings }: LambdaWorld, row: DeviceRow): string {
  const { status, owner } = row
  const where = owner ? ` on server "${owner}"` : ''
  const why =
    explain(row, { nowMs: clock.wallMs(), fenceAfterMs: settings.fenceAfterMs }) ?? 'it is connected'
  return `its status is ${status}${where}: ${why}`
}

export const PAIRING_ROUTES = [showQr, makePairingCode]
