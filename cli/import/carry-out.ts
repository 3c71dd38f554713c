/** Imports one candidate in three steps: a stopped device, then its credentials, then the one write that lets
 *  it be started. An import that ends in between leaves a device that cannot start; the next run imports it
 *  from the beginning. */
import type { Clock } from '../../core/clock.ts'
import { isMooringError } from '../../core/errors.ts'
import type { DeviceId } from '../../core/ids.ts'
import { readDevice, register } from '../../core/protocol/ownership.ts'
import type { Random } from '../../core/random.ts'
import { beginImport, deleteAbandonedCredentials, finishImport } from '../../core/requests/import.ts'
import type { Store } from '../../core/store/store.ts'
import { recordHistory } from '../../core/telemetry/history.ts'
import type { KeyWrapping } from '../../hosts/auth-state/keys/wrapping.ts'
import { writeWholeState } from '../../hosts/auth-state/whole-state.ts'
import type { Candidate, Loaded } from './candidate.ts'
import { type Planned, refusal } from './plan.ts'

export interface ImportWorld {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly wrapping: KeyWrapping
}

export interface Outcome extends Omit<Planned, 'intent' | 'digest'> {
  readonly outcome: 'imported' | 'registered' | 'done' | 'skipped' | 'failed'
}

type Result = Pick<Outcome, 'outcome' | 'why'>
type Linked = Extract<Loaded, { digest: string }>

const IMPORTED_STOPPED = 'imported; start it when the old system is stopped'
const IMPORTED_UNLINKED = 'imported without credentials; start it to link it'
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
  const importId = world.random.id()
  const credentialsId = world.random.id()
  const begun = { device, importId, credentialsId, ...nameAndHome(world, candidate) }
  const row = await beginImport(world.store, world.clock, begun)
  if (!row) {
    const why = refusal(await readDevice(world.store, device))
    return { outcome: 'skipped', why: why ?? 'another import of it has just begun' }
  }
  await writeWholeState(world, { device, credentialsId, epoch: row.epoch }, { creds, keys })
  await deleteAbandonedCredentials(world.store, row)
  const finished = await finishImport(world.store, world.clock, {
    device,
    importId,
    credentialsId,
    account,
    ...(stopped ? { stoppedBecause: IMPORTED_STOPPED } : {}),
  })
  if (!finished) {
    return { outcome: 'failed', why: 'another import of it has begun meanwhile, or it was deleted' }
  }
  const why = 'imported with its credentials'
  await recordHistory(world, { deviceId: device, event: 'registered', why })
  return { outcome: 'imported' }
}

async function registerUnlinked(
  world: ImportWorld,
  deviceId: DeviceId,
  candidate: Candidate,
): Promise<Result> {
  const credentialsId = world.random.id()
  const named = nameAndHome(world, candidate)
  const registration = { deviceId, credentialsId, stoppedBecause: IMPORTED_UNLINKED, ...named }
  if (!(await register(world.store, world.clock, registration))) return { outcome: 'done' }
  await recordHistory(world, { deviceId, event: 'registered', why: IMPORTED_UNLINKED })
  return { outcome: 'registered' }
}

function nameAndHome({ clock }: ImportWorld, { name, homeName }: Candidate) {
  return { name, ...(homeName === undefined ? {} : { home: { name: homeName, since: clock.wallMs() } }) }
}
