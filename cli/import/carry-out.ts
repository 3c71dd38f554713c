/** Imports one candidate in three steps: a stopped device, then its credentials, then the one write that lets
 *  it be started. An import that ends in between leaves a device that cannot start; the next run imports it
 *  from the beginning. */
import type { Clock } from '../../core/clock.ts'
import { isMooringError } from '../../core/errors.ts'
import { type DeviceId, epoch } from '../../core/ids.ts'
import { linkedDeviceKey } from '../../core/linked-device.ts'
import { register } from '../../core/protocol/ownership.ts'
import type { Random } from '../../core/random.ts'
import { claimAccount } from '../../core/requests/account-claim.ts'
import {
  beginImport,
  deleteAbandonedCredentials,
  deleteOwnCredentials,
  finishImport,
} from '../../core/requests/import.ts'
import { undoImport } from '../../core/requests/undo-import.ts'
import type { DeviceRow } from '../../core/store/device-row.ts'
import type { Store } from '../../core/store/store.ts'
import { recordHistory } from '../../core/telemetry/history.ts'
import type { KeyWrapping } from '../../hosts/auth-state/keys/wrapping.ts'
import { writeWholeState } from '../../hosts/auth-state/whole-state.ts'
import { Interrupted } from '../failures.ts'
import type { Candidate, Loaded } from './candidate.ts'
import { hasItAlready, type Planned, refusal } from './plan.ts'

export interface ImportWorld {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly wrapping: KeyWrapping
  /** The name of this import run, which its devices keep. */
  readonly batch: string
}

export interface Outcome extends Omit<Planned, 'intent' | 'digest'> {
  readonly outcome: 'imported' | 'registered' | 'done' | 'skipped' | 'failed'
}

type Result = Pick<Outcome, 'outcome' | 'why'>
type Linked = Extract<Loaded, { digest: string }>

const IMPORTED_STOPPED = 'imported; start it when the old system is stopped'
const IMPORTED_UNLINKED = 'imported without credentials; start it to link it'
const IMPORTED_MEANWHILE = 'another import has brought it in meanwhile'
const CHANGED = 'it has changed since it was read: is the old system still running?'

export async function carryOut(
  world: ImportWorld,
  candidate: Candidate,
  { intent, digest, ...planned }: Planned,
  stopped: boolean,
): Promise<Outcome> {
  const { deviceId } = candidate
  if (intent === 'skip' || !deviceId) return { ...planned, outcome: 'skipped' }
  if (intent === 'done') return { ...planned, outcome: 'done' }
  try {
    if (intent === 'register') return { ...planned, ...(await registerUnlinked(world, deviceId, candidate)) }
    const loaded = await candidate.load()
    if (!('digest' in loaded) || loaded.digest !== digest)
      return { ...planned, outcome: 'skipped', why: CHANGED }
    return { ...planned, ...(await store(world, deviceId, candidate, loaded, stopped)) }
  } catch (error) {
    // Reading it again was interrupted, and nothing of it was stored.
    if (error instanceof Interrupted) throw error
    const why = isMooringError(error) ? `${error.code}: ${error.message}` : String(error)
    return { ...planned, outcome: 'failed', why }
  }
}

async function store(
  world: ImportWorld,
  device: DeviceId,
  candidate: Candidate,
  { creds, keys, account }: Linked,
  stopped: boolean,
): Promise<Result> {
  const { batch, random } = world
  const ids = { device, importId: random.id(), credentialsId: random.id() }
  const row = await beginImport(world.store, world.clock, { ...ids, batch, ...nameAndHome(world, candidate) })
  if (!row) return refused(world, device, account.jid)
  const holder = await claimAccount(world.store, world.clock, { ...ids, jid: account.jid })
  if (holder !== device) {
    await undoImport(world.store, world.clock, row, random.id())
    return { outcome: 'skipped', why: hasItAlready(account.jid, holder) }
  }
  await writeWholeState(world, { ...ids, epoch: row.epoch }, { creds, keys })
  await deleteAbandonedCredentials(world.store, row)
  const finished = await finishImport(world.store, world.clock, {
    ...ids,
    account,
    epoch: row.epoch,
    ...(stopped ? { stoppedBecause: IMPORTED_STOPPED } : {}),
  })
  if (!finished) {
    await deleteOwnCredentials(world.store, ids)
    return overtaken(world, device, account.jid)
  }
  const why = 'imported with its credentials'
  await recordHistory(world, { deviceId: device, event: 'registered', why })
  return { outcome: 'imported' }
}

/** Another caller has changed the device since the plan was made. */
async function refused({ store }: ImportWorld, deviceId: DeviceId, jid: string): Promise<Result> {
  const row = await store.get('Devices', { deviceId })
  if (row && hasAccount(row, jid)) return { outcome: 'done', why: IMPORTED_MEANWHILE }
  return { outcome: 'skipped', why: (row && refusal(row)) ?? 'another import of it has just begun' }
}

async function overtaken({ store }: ImportWorld, deviceId: DeviceId, jid: string): Promise<Result> {
  const row = await store.get('Devices', { deviceId })
  if (row && hasAccount(row, jid)) return { outcome: 'done', why: IMPORTED_MEANWHILE }
  return { outcome: 'failed', why: 'another import of it has begun meanwhile, or it was deleted' }
}

function hasAccount({ account, deleting }: DeviceRow, jid: string): boolean {
  return !deleting && account !== undefined && linkedDeviceKey(account.jid) === linkedDeviceKey(jid)
}

async function registerUnlinked(
  world: ImportWorld,
  deviceId: DeviceId,
  candidate: Candidate,
): Promise<Result> {
  const credentialsId = world.random.id()
  const named = nameAndHome(world, candidate)
  const undoable = { importBatch: world.batch, importEpoch: epoch(0) }
  const registration = { deviceId, credentialsId, stoppedBecause: IMPORTED_UNLINKED, ...named, ...undoable }
  if (!(await register(world.store, world.clock, registration))) return { outcome: 'done' }
  await recordHistory(world, { deviceId, event: 'registered', why: IMPORTED_UNLINKED })
  return { outcome: 'registered' }
}

function nameAndHome({ clock }: ImportWorld, { name, homeName }: Candidate) {
  return { name, ...(homeName === undefined ? {} : { home: { name: homeName, since: clock.wallMs() } }) }
}
