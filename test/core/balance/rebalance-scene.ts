/** A fleet out of balance, with owners that do what their devices' rows ask for. Used by the rebalancing
 *  tests; it asserts nothing itself. */
import assert from 'node:assert/strict'
import { readLedger } from '../../../core/balance/ledger.ts'
import { rebalance, type Seen } from '../../../core/balance/rebalance.ts'
import type { DeviceId } from '../../../core/ids.ts'
import { assign } from '../../../core/placement/assign.ts'
import { listServers } from '../../../core/protocol/membership.ts'
import { release } from '../../../core/protocol/ownership.ts'
import { REBALANCE_DEFAULTS, type RebalanceSettings } from '../../../core/settings.ts'
import type { DeviceRow } from '../../../core/store/device-row.ts'
import type { ServerRow } from '../../../core/store/server-row.ts'
import * as build from '../../builders/builders.ts'

export const MINUTE = 60_000

type RebalancedWorld = build.TestWorld & { readonly rebalancing: RebalanceSettings }

/** A server with 10 connected devices and room for as many again, and an empty newcomer. */
export async function aFleet(tables: build.Tables, settings: Partial<RebalanceSettings> = {}) {
  const world = rebalancedBy(await build.aWorld(tables), settings)
  const full = await build.anActiveServer(world, 'full', { capacity: 20 })
  const devices = await build.ownedDevices(world, full, 10)
  for (const { deviceId } of devices) await become(world, deviceId, { status: 'connected' })
  const empty = await build.anActiveServer(world, 'empty', { capacity: 20 })
  return { world, full, empty, ids: devices.map(({ deviceId }) => deviceId) }
}

export function rebalancedBy(world: build.TestWorld, settings: Partial<RebalanceSettings>): RebalancedWorld {
  const wide = { shareOfFleetPercent: 100, inFlightPerServer: 100 }
  return { ...world, rebalancing: { ...REBALANCE_DEFAULTS, ...wide, ...settings } }
}

export function become({ store }: build.TestWorld, deviceId: DeviceId, set: Partial<DeviceRow>) {
  return store.update('Devices', { deviceId }, { set, when: [] })
}

export async function look(world: RebalancedWorld, seen: Partial<Seen> = {}): Promise<void> {
  const servers = await listServers(world.store)
  await rebalance(world, {
    servers,
    braking: false,
    quiet: [],
    waiting: 0,
    nothingToMoveSince: new Map(),
    ...seen,
  })
}

export async function asked({ store }: build.TestWorld, ids: readonly DeviceId[]): Promise<DeviceRow[]> {
  const rows = await Promise.all(ids.map((id) => build.deviceRow(store, id)))
  return rows.filter((row) => row.moveTo !== undefined)
}

/** Plays the owners and placement: the devices that are asked to move are released, placed, and connected
 *  again. */
export async function carryOut(world: build.TestWorld, ids: readonly DeviceId[]): Promise<void> {
  for (const { deviceId: device, owner, epoch } of await asked(world, ids)) {
    assert.ok(owner)
    await release(world.store, world.clock, { device, server: owner, epoch, status: 'unassigned' })
    await assign(world, [device])
    await become(world, device, { status: 'connected' })
  }
}

export async function status(world: build.TestWorld) {
  return (await readLedger(world.store)).status
}

export function surplusOf(world: build.TestWorld, { serverId }: ServerRow) {
  return build.serverRow(world.store, serverId).then((row) => row.surplus)
}
