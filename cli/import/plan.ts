/** Decides for each candidate whether to import it, by the rows of the fleet. It writes nothing. */
import type { DeviceId } from '../../core/ids.ts'
import { linkedDeviceKey } from '../../core/linked-device.ts'
import type { DeviceRow } from '../../core/store/device-row.ts'
import { type Store, scanAll } from '../../core/store/store.ts'
import { type Candidate, inOrder, type Loaded, type Source } from './candidate.ts'
import type { Holdings } from './credentials/holdings.ts'

/** How many candidates are read at the same time. A device has some 800 files. */
const READ_AT_ONCE = 4
const DEVICES_MAX = 1_000_000

export type Intent =
  | 'import'
  /** An earlier import of it was abandoned: it is imported from the beginning. */
  | 'finish'
  /** Without credentials, to be linked later. */
  | 'register'
  /** An earlier import has imported it. */
  | 'done'
  | 'skip'

export interface Planned {
  readonly from: string
  readonly deviceId?: DeviceId
  readonly intent: Intent
  /** Why it is skipped. */
  readonly why?: string
  readonly notes: readonly string[]
  /** Digest of the credentials that were read, if they are to be stored. */
  readonly digest?: string
  /** What its credentials hold; absent when they are not to be stored. */
  readonly holdings?: Holdings
}

export interface PlanOptions {
  readonly linkedOnly: boolean
}

/** The fleet, as it was when the import began. Each write checks its own row again. Accounts are known by the
 *  key of their linked device, because rows of earlier imports may spell their jids otherwise. */
interface Fleet {
  readonly rows: ReadonlyMap<string, DeviceRow>
  readonly byAccount: ReadonlyMap<string, DeviceId>
}

const NO_FLEET: Fleet = { rows: new Map(), byAccount: new Map() }

/** Candidates that this import has read already, by id and by account. */
interface Seen {
  readonly ids: Map<string, string>
  readonly accounts: Map<string, string>
}

/** @param store undefined judges the source alone, without a fleet */
export async function plan(
  store: Store | undefined,
  source: Source,
  options: PlanOptions,
  progress: (read: number) => void,
): Promise<Planned[]> {
  const fleet = store ? await readFleet(store) : NO_FLEET
  const seen: Seen = { ids: new Map(), accounts: new Map() }
  const planned: Planned[] = []
  const loading = inOrder(source.candidates(), READ_AT_ONCE, async (candidate) => ({
    candidate,
    loaded: await candidate.load(),
  }))
  for await (const { candidate, loaded } of loading) {
    planned.push(judge(candidate, loaded, fleet, seen, options))
    progress(planned.length)
  }
  return planned
}

async function readFleet(store: Store): Promise<Fleet> {
  const rows = await scanAll(store, 'Devices', {}, DEVICES_MAX)
  const linked = rows.flatMap((row) =>
    row.account ? [[linkedDeviceKey(row.account.jid), row.deviceId] as const] : [],
  )
  return { rows: new Map(rows.map((row) => [row.deviceId, row])), byAccount: new Map(linked) }
}

function judge(
  candidate: Candidate,
  loaded: Loaded,
  fleet: Fleet,
  seen: Seen,
  { linkedOnly }: PlanOptions,
): Planned {
  const { from, deviceId, notes } = candidate
  const told = { from, ...(deviceId ? { deviceId } : {}), notes }
  const skip = (why: string): Planned => ({ ...told, intent: 'skip', why })
  if ('unusable' in loaded) return skip(loaded.unusable)
  if (!deviceId) return skip('no device id can be made of its name')
  const sameId = seen.ids.get(deviceId)
  if (sameId) return skip(`${sameId} has the same device id`)
  if ('unlinked' in loaded) {
    if (linkedOnly) return skip('it has no credentials')
    seen.ids.set(deviceId, from)
    return fleet.rows.has(deviceId) ? { ...told, intent: 'done' } : { ...told, intent: 'register' }
  }
  const { jid } = loaded.account
  const account = linkedDeviceKey(jid)
  const twin = seen.accounts.get(account)
  if (twin) return skip(`${twin} is the same linked device (${jid}): both would be two live copies`)
  seen.ids.set(deviceId, from)
  seen.accounts.set(account, from)
  const here = fleet.byAccount.get(account)
  if (here === deviceId) return { ...told, intent: 'done' }
  if (here) return skip(hasItAlready(jid, here))
  const row = fleet.rows.get(deviceId)
  const why = row && refusal(row)
  if (why) return skip(why)
  const { digest, holdings } = loaded
  const all = [...notes, ...holdings.losses]
  return { ...told, notes: all, intent: row?.importing ? 'finish' : 'import', digest, holdings }
}

/** Why an account is not imported a second time. */
export function hasItAlready(jid: string, device: DeviceId): string {
  return `the fleet has this linked device (${jid}) already, as device "${device}"`
}

/** Why a device of the fleet may not be given imported credentials; undefined when it may. */
export function refusal(row: DeviceRow): string | undefined {
  if (row.deleting) return 'the fleet is just deleting a device with this id'
  if (row.pairedAt) {
    return `the fleet has a device with this id, linked to another account (${row.account?.jid})`
  }
  if (row.owner || row.desired === 'running') {
    return `the fleet waits for device "${row.deviceId}" to be linked: stop it first, then import it`
  }
  return undefined
}
