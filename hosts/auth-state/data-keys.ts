/** Holds the data keys that seal the items of one device's credentials. They are stored, wrapped, in an item
 *  of their own. The newest key seals. The older keys are kept, since an item moves to the newest key only
 *  when it is written. */

import * as z from 'zod'
import type { Clock } from '../../core/clock.ts'
import { MooringError } from '../../core/errors.ts'
import type { DeviceId, Epoch } from '../../core/ids.ts'
import { dataKeysKey } from '../../core/store/auth-item-row.ts'
import type { Telemetry } from '../../core/telemetry.ts'
import type { FencedRequests } from './fenced-requests.ts'
import { createSealing, type Sealing } from './keys/sealing.ts'
import type { KeyWrapping, WrapContext } from './keys/wrapping.ts'

/** With this many keys no further key is made: all are unwrapped before a connect, each by a request to
 *  KMS. */
const DATA_KEYS_MAX = 20
const DAY_MS = 86_400_000

export interface DataKeysOptions {
  readonly requests: FencedRequests
  readonly wrapping: KeyWrapping
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly device: DeviceId
  readonly credentialsId: string
  readonly epoch: Epoch
  /** The newest data key gets a successor when it is older than this. */
  readonly renewAfterDays: number
}

export interface DataKeys {
  readonly sealing: Sealing
  /** Makes the first data key if there is none. The caller has read the creds: it alone knows that nothing is
   *  sealed yet.
   *  @throws MooringError DATA_KEY_UNAVAILABLE | CREDENTIALS_UNREADABLE | STALE_EPOCH, or what the store
   *  threw */
  begin(): Promise<void>
}

const wrappedDataKey = z.object({
  number: z.int().positive(),
  by: z.string(),
  wrapped: z.string(),
  /** Wall-clock ms since 1970. */
  madeAt: z.number(),
})
const storedKeys = z.object({ version: z.literal(1), keys: z.array(wrappedDataKey).min(1) })

type WrappedDataKey = z.infer<typeof wrappedDataKey>
type DataKey = WrappedDataKey & { readonly plain: Buffer }

/** Fences and reads the data keys, and unwraps all of them, so that no later read can fail for want of a key.
 *  @throws MooringError CREDENTIALS_UNREADABLE | STALE_EPOCH | LEASE_OVER, or what the store threw */
export async function openDataKeys(options: DataKeysOptions): Promise<DataKeys> {
  const { requests, wrapping, clock, telemetry, device, credentialsId, epoch, renewAfterDays } = options
  const item = dataKeysKey(credentialsId)
  const context: WrapContext = { deviceId: device, credentialsId }
  let keys = await unwrapAll(wrapping, context, await requests.read(item))

  function wrote(why: string): void {
    telemetry.emit('device.data_keys_written', { deviceId: device, epoch, dataKeys: keys.length, why })
  }

  /** Wraps again each key that an older wrapping key has wrapped, and gives an old data key a successor. */
  async function renewed(): Promise<readonly DataKey[]> {
    const by = await wrapping.current()
    const rewrapped = await Promise.all(
      keys.map(async (key) =>
        key.by === by ? key : { ...key, ...(await wrapping.wrap(key.plain, context)) },
      ),
    )
    const newest = newestOf(keys)
    const isOld = newest !== undefined && clock.wallMs() - newest.madeAt > renewAfterDays * DAY_MS
    if (!isOld || keys.length >= DATA_KEYS_MAX) return rewrapped
    return [...rewrapped, await make(newest.number + 1)]
  }

  async function make(number: number): Promise<DataKey> {
    const { plain, wrapped } = await wrapping.generate(context)
    return { ...wrapped, number, plain, madeAt: clock.wallMs() }
  }

  async function renew(): Promise<void> {
    const next = await renewed().catch((error: unknown) => {
      // The keys at hand still open and seal; the next connect tries again.
      telemetry.emit('device.data_keys_unchanged', { deviceId: device, epoch, error })
      return keys
    })
    if (next.every((key, at) => key === keys[at])) return
    await requests.write(item, format(next))
    keys = next
    wrote('renewed')
  }

  async function begin(): Promise<void> {
    if (keys.length > 0) return
    const first = await make(1).catch((error: Error) => {
      const message = `device "${device}" is not connected: it cannot get a data key: ${error.message}`
      throw new MooringError('DATA_KEY_UNAVAILABLE', message)
    })
    if (await requests.create(item, format([first]))) {
      keys = [first]
      return wrote('the first one')
    }
    // Either an earlier try of this request was applied, or a newer socket has come. The read tells which.
    keys = await unwrapAll(wrapping, context, await requests.read(item))
  }

  if (keys.length > 0) await renew()
  return { sealing: sealingBy(device, () => keys), begin }
}

/** Opens sealed items for a reader: nothing is fenced, renewed or made.
 *  @param stored the text of the item of the data keys
 *  @throws MooringError CREDENTIALS_UNREADABLE */
export async function readDataKeys(
  wrapping: KeyWrapping,
  context: WrapContext,
  stored: string | undefined,
): Promise<Sealing> {
  const keys = await unwrapAll(wrapping, context, stored)
  return sealingBy(context.deviceId, () => keys)
}

function sealingBy(device: DeviceId, keys: () => readonly DataKey[]): Sealing {
  return createSealing(device, {
    current() {
      const newest = newestOf(keys())
      if (!newest) throw new MooringError('DATA_KEY_UNAVAILABLE', `device "${device}" has no data key yet`)
      return { number: newest.number, key: newest.plain }
    },
    byNumber: (number) => keys().find((key) => key.number === number)?.plain,
  })
}

async function unwrapAll(
  wrapping: KeyWrapping,
  context: WrapContext,
  stored: string | undefined,
): Promise<readonly DataKey[]> {
  if (stored === undefined) return []
  try {
    return await Promise.all(
      parse(stored).map(async (key) => ({ ...key, plain: await wrapping.unwrap(key, context) })),
    )
  } catch (error) {
    throw unreadable(context.deviceId, error)
  }
}

function newestOf(keys: readonly DataKey[]): DataKey | undefined {
  return keys.reduce<DataKey | undefined>(
    (newest, key) => (newest && newest.number > key.number ? newest : key),
    undefined,
  )
}

/** @throws Error that shows nothing of the stored text */
function parse(stored: string): readonly WrappedDataKey[] {
  let json: unknown
  try {
    json = JSON.parse(stored)
  } catch {
    throw new Error('the stored data key is damaged')
  }
  const read = storedKeys.safeParse(json)
  if (!read.success) throw new Error('the stored data key is damaged, or of a newer Mooring')
  return read.data.keys
}

function format(keys: readonly DataKey[]): string {
  const stored = keys.map(({ number, by, wrapped, madeAt }) => ({ number, by, wrapped, madeAt }))
  return JSON.stringify({ version: 1, keys: stored })
}

function unreadable(device: DeviceId, error: unknown): MooringError {
  const why = error instanceof Error ? error.message : String(error)
  const lost = `its data key cannot be opened: ${why}`
  return new MooringError('CREDENTIALS_UNREADABLE', `device "${device}" is not connected: ${lost}`, {
    why: lost,
  })
}
