/** What the routes' requests and answers have in common. */
import * as z from 'zod'
import { deviceId, ID_FORM, serverId } from '../../core/ids.ts'

const idText = z
  .string()
  .regex(ID_FORM, '1 to 64 of A-Z a-z 0-9 _ . - and begins with a letter or digit')
  .meta({ example: 'shop-17' })

export const DeviceIdText = idText.transform(deviceId)
export const ServerIdText = idText.transform(serverId)
/** An operation may be named after a server: longer than that by its kind. */
export const OperationIdText = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$/,
    '1 to 80 of A-Z a-z 0-9 _ . - and begins with a letter or digit',
  )
  .meta({ example: 'drain-web-2-0a1b2c3d4e5f6071' })

export const DeviceParams = z.strictObject({ deviceId: DeviceIdText })
export const ServerParams = z.strictObject({ serverId: ServerIdText })

/** As in answers: UTC, with milliseconds. */
export const Time = z.iso.datetime()

export function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}

export const PAGE_ROWS_MAX = 200
const PAGE_ROWS_DEFAULT = 50

export const Limit = z.coerce
  .number()
  .int()
  .min(1)
  .max(PAGE_ROWS_MAX)
  .default(PAGE_ROWS_DEFAULT)
  .describe('how many rows at most')
export const CursorText = z
  .string()
  .min(1)
  .max(2000)
  .describe('`next` of the page before, with the same filters')
export const Next = z.string().describe('hand this back as `cursor` for the next page; absent at the end')
