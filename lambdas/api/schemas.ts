/** Schemas that requests and answers of several routes share. */
import * as z from 'zod'
import { deviceId, ID_FORM, serverId } from '../../core/ids.ts'

const idText = z
  .string()
  .regex(ID_FORM, 'must be 1 to 64 characters of A-Z a-z 0-9 _ . - and begin with a letter or digit')
  .meta({ example: 'shop-17' })

export const DeviceIdText = idText.transform(deviceId)
export const ServerIdText = idText.transform(serverId)
/** The id of a drain is `drain-` and a server's id, so it may be longer than the id of a server. */
export const OperationIdText = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$/,
    'must be 1 to 80 characters of A-Z a-z 0-9 _ . - and begin with a letter or digit',
  )
  .meta({ example: 'drain-web-2-0a1b2c3d4e5f6071' })

export const DeviceParams = z.strictObject({ deviceId: DeviceIdText })
export const ServerParams = z.strictObject({ serverId: ServerIdText })

/** A time in an answer: UTC, with milliseconds. */
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
  .describe('the most rows of one page')
export const CursorText = z
  .string()
  .min(1)
  .max(2000)
  .describe('`next` of the previous page, with the same filters')
export const Next = z.string().describe('pass this as `cursor` to get the next page; absent on the last page')
