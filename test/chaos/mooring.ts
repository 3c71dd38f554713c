/** The fleet with Mooring under chaos: the same fleet as `npm start` runs, each server behind its own
 *  network. */
import { once } from 'node:events'
import type { Clock } from '../../core/clock.ts'
import { inParallel } from '../../core/parallel.ts'
import { listServers } from '../../core/protocol/membership.ts'
import { DEFAULT_SETTINGS } from '../../core/settings.ts'
import type { DeviceRow } from '../../core/store/device-row.ts'
import { scanAll } from '../../core/store/store.ts'
import { openWrapping } from '../../hosts/auth-state/keys/open-wrapping.ts'
import { readWholeState } from '../../hosts/auth-state/whole-state.ts'
import { LOCAL_TABLE_PREFIX } from '../../local/database.ts'
import { connectApi } from '../../local/demo/api.ts'
import type { Undo } from '../../local/demo/undo.ts'
import { startFleet } from '../../local/fleet.ts'
import { filesIn, findSecrets, secretsOfFleet } from '../fleet/key-search.ts'
import { ANSWERING } from './application.ts'
import { differences } from './auth-comparison.ts'
import { watchDatabase } from './database-watch.ts'
import type { ChaosFleet, ServerProcess } from './fleet.ts'
import { keepLinking } from './linking.ts'
import { watchSockets } from './socket-watch.ts'

const LANES = 8
/** The rate of a deployed server. This machine runs everything, and faster storms would only measure the
 *  machine. */
const CONNECTS_PER_SECOND = 5
const { fenceAfterMs, beatEveryMs } = DEFAULT_SETTINGS

export interface FleetParts {
  readonly logDir: string
  readonly clock: Clock
  readonly nowMs: () => number
  readonly undo: Undo
  readonly stop: AbortSignal
}

export async function startMooring({ logDir, clock, nowMs, undo, stop }: FleetParts): Promise<ChaosFleet> {
  const sockets = watchSockets(nowMs)
  const fleet = await startFleet({
    servers: 0,
    logDir,
    connectsPerSecond: CONNECTS_PER_SECOND,
    onWhatsAppEvent: sockets.hear,
  })
  undo.add(() => fleet.close())
  const { simulator, store } = fleet
  const wrapping = await openWrapping({ AUTH_KEY_FILE: fleet.authKeyFile })
  if (!simulator) throw new Error('the fleet runs without a simulator')
  const tables = {
    devices: `${LOCAL_TABLE_PREFIX}Devices`,
    authState: `${LOCAL_TABLE_PREFIX}AuthState`,
    history: `${LOCAL_TABLE_PREFIX}History`,
  }
  const watch = watchDatabase(tables, nowMs)
  fleet.database.onExchange((exchange) => watch.hear(exchange))
  const api = connectApi(fleet.apiUrl, fleet.apiKey)
  const ended = new AbortController()
  undo.add(async () => ended.abort())
  const linking = keepLinking(store, simulator, api.start, clock, AbortSignal.any([stop, ended.signal]))
  const tasks = new Map<ServerProcess, string>()
  let registered = 0

  async function register(): Promise<{ linked: Promise<void> }> {
    registered += 1
    const id = `device-${String(registered).padStart(4, '0')}`
    // First of all: a device whose registration was stored is linked, though its answer may be lost.
    const linked = linking.link(id)
    await api.register(id, `The phone of ${id}`)
    return { linked }
  }

  async function compare({ deviceId, credentialsId, account }: DeviceRow) {
    const stored = await readWholeState({ store, wrapping }, { device: deviceId, credentialsId }).catch(
      // No reason counts: a linked device has to have credentials that can be read.
      () => undefined,
    )
    const kept = simulator?.accounts().find(({ jid }) => jid === account?.jid)
    return { deviceId, differences: differences(stored?.creds, kept) }
  }

  return {
    name: 'mooring',
    simulator,
    databaseEndpoint: fleet.database.endpoint,
    watch,
    sockets,
    ownerAt: (account, atMs) => watch.ownerOf(watch.deviceOf(account) ?? '', atMs),
    leaseMsMin: fenceAfterMs - beatEveryMs,
    // A server id is the name and a suffix.
    nameOf: (serverId) => serverId.slice(0, serverId.lastIndexOf('-')),
    async startProcess(name, { databaseEndpoint, whatsAppUrl }) {
      const variables = { ...ANSWERING, WHATSAPP_URL: whatsAppUrl }
      const process = await fleet.startServer(name, { databaseEndpoint, variables })
      tasks.set(process, process.taskArn)
      return process
    },
    async hasJoined(_, process) {
      const arn = tasks.get(process)
      return (await listServers(store)).some(({ taskArn, state }) => taskArn === arn && state === 'active')
    },
    async link(count, tell) {
      let linked = 0
      const registered = await inParallel(Array.from({ length: count }), LANES, register)
      const all = Promise.all(registered.map((device) => device.linked.then(() => tell(++linked))))
      await Promise.race([all, once(stop, 'abort')])
    },
    linked: () => linking.linked(),
    sweeps: (on) => fleet.controlPlane.sweeps(on),
    churn: {
      async register() {
        const { linked } = await register()
        await linked
      },
      async remove(id) {
        linking.forget(id)
        await api.remove(id)
      },
    },
    start: api.start,
    async quarantined() {
      const rows = await scanAll(store, 'Devices', {})
      return rows.filter(({ status }) => status === 'quarantined').map((row) => row.deviceId)
    },
    async notConnected() {
      const sockets = new Map(simulator.accounts().map(({ jid, connectedTo }) => [jid, connectedTo]))
      const rows = await scanAll(store, 'Devices', {})
      return rows.flatMap((row) => {
        const socket = sockets.get(row.account?.jid ?? '')
        const isConnected = row.status === 'connected' && socket?.startsWith(`${row.owner}:`)
        return isConnected ? [] : [{ deviceId: row.deviceId, why: whyNot(row, socket) }]
      })
    },
    compareAuth: async () => inParallel(await scanAll(store, 'Devices', {}), LANES, compare),
    keysInLogs: async () => findSecrets(filesIn(logDir), await secretsOfFleet(store, fleet.authKeyFile)),
  }
}

function whyNot({ status, statusReason, owner, deleting }: DeviceRow, socket: string | undefined): string {
  const facts = [status, statusReason, deleting && 'being deleted', `owner ${owner ?? 'nobody'}`]
  return [...facts, `socket ${socket ?? 'none'}`].filter(Boolean).join(', ')
}
