/** The demo's fleet without Mooring under the same chaos: servers that share a table and a folder of
 *  credentials. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inParallel } from '../../core/parallel.ts'
import { deserialise } from '../../hosts/auth-state/serialise.ts'
import { deviceIds } from '../../local/demo/device-ids.ts'
import { prepareNaiveFleet } from '../../local/demo/naive-fleet.ts'
import { waitFor } from '../../local/demo/waiting.ts'
import { ANSWERING } from './application.ts'
import { differences } from './auth-comparison.ts'
import { watchDatabase } from './database-watch.ts'
import type { ChaosFleet, LinkedDevice } from './fleet.ts'
import type { FleetParts } from './mooring.ts'

/** A server counts as dead after three missed beats of two seconds each. */
const LEASE_MS_MIN = 4000
const PAIR_MS_PER_DEVICE = 2000
const PAIR_MS_MIN = 60_000
const LANES = 8

export async function startNaive(
  { logDir, clock, nowMs, undo, stop }: FleetParts,
  { devices, names }: { readonly devices: number; readonly names: readonly string[] },
): Promise<ChaosFleet> {
  const plan = { deviceIds: deviceIds(devices), names, logDir, capacity: devices }
  const fleet = await prepareNaiveFleet(plan, undo)
  const { simulator, authDir } = fleet
  const watch = watchDatabase({ devices: 'Naive-Devices' }, nowMs)
  fleet.database.onExchange((exchange) => watch.hear(exchange))
  let linked: LinkedDevice[] = []

  const credsOf = async (deviceId: string): Promise<unknown> =>
    deserialise(await readFile(join(authDir, deviceId, 'creds.json'), 'utf8'))

  return {
    name: 'naive',
    simulator,
    databaseEndpoint: fleet.database.endpoint,
    watch,
    ownerAt: (account, atMs) => watch.ownerOf(deviceOf(account), atMs),
    leaseMsMin: LEASE_MS_MIN,
    nameOf: (server) => server,
    async startProcess(name, network) {
      await fleet.startServer(name, { ...network, variables: ANSWERING })
      const process = fleet.process(name)
      if (!process) throw new Error(`${name} has no process`)
      // The demo's process does not tell which signal ended it.
      return { ...process, exited: process.exited.then((code) => ({ code, signal: null })) }
    },
    hasJoined: (name) => fleet.hasJoined(name),
    async link(count, tell) {
      const pairing = await fleet.startPairing()
      await waitFor({ clock, stop }, 'the pairing', PAIR_MS_MIN + count * PAIR_MS_PER_DEVICE, () => {
        tell(simulator.report().pairings)
        return pairing.hasExited()
      })
      if ((await pairing.exited) !== 0) throw new Error(`the naive fleet was not paired: see ${logDir}`)
      linked = await inParallel(plan.deviceIds, LANES, async (deviceId) => ({
        deviceId,
        jid: ((await credsOf(deviceId)) as { me: { id: string } }).me.id,
      }))
      await fleet.shareOut()
      await waitFor({ clock, stop }, 'the naive fleet to connect', PAIR_MS_MIN, () =>
        simulator.accounts().every(({ connectedTo }) => connectedTo !== undefined),
      )
    },
    linked: () => linked,
    async notConnected() {
      const open = new Set(simulator.accounts().flatMap(({ jid, connectedTo }) => (connectedTo ? [jid] : [])))
      return linked
        .filter(({ jid }) => !open.has(jid))
        .map(({ deviceId }) => ({ deviceId, why: 'no socket' }))
    },
    compareAuth: () =>
      inParallel(linked, LANES, async ({ deviceId, jid }) => {
        const kept = simulator.accounts().find((account) => account.jid === jid)
        // Two writers of one file may leave it broken.
        const stored = await credsOf(deviceId).catch(() => undefined)
        return { deviceId, differences: differences(stored, kept) }
      }),
  }

  function deviceOf(account: string): string {
    return linked.find(({ jid }) => jid === account)?.deviceId ?? ''
  }
}
