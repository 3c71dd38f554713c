/** The requests of operators, by the same functions and in the same order as the API's handlers. */

import { type DeviceId, deviceId, type ServerId } from '../../core/ids.ts'
import { beginDrain, cancelDrain } from '../../core/operations/drain-requests.ts'
import { assign } from '../../core/placement/assign.ts'
import { notify } from '../../core/placement/notify.ts'
import { readDevice, register } from '../../core/protocol/ownership.ts'
import {
  erase,
  logout,
  requestDeletion,
  requestMove,
  requestPairingCode,
  restart,
  start,
  stop,
} from '../../core/requests/device-requests.ts'
import type { DeviceRow } from '../../core/store/device-row.ts'
import { asServer, type ServerRow } from '../../core/store/server-row.ts'
import type { World } from '../../core/world.ts'
import type { Fleet } from './fleet.ts'
import type { Lambdas } from './lambdas.ts'
import type { OperatorRequest } from './scenario.ts'

export interface Operators {
  ask(request: OperatorRequest): void
  register(nth: number): void
  start(nth: number): void
  /** Cancels the drain of the nth server, if there is one. */
  callOff(nth: number): void
}

export function nthDevice(nth: number): DeviceId {
  return deviceId(`phone-${nth + 1}`)
}

export function createOperators(lambdas: Lambdas, fleet: Fleet): Operators {
  async function tell(world: World, { deviceId: id, owner, desired }: DeviceRow): Promise<void> {
    if (owner) await notify(world, owner)
    else if (desired === 'running') await assign(world, [id])
  }

  async function registerAt(world: World, id: DeviceId): Promise<void> {
    await register(world.store, world.clock, { deviceId: id, name: id, credentialsId: world.random.id() })
    await assign(world, [id])
  }

  async function remove(world: World, id: DeviceId): Promise<void> {
    const row = await requestDeletion(world.store, world.clock, id)
    if (row.owner) await notify(world, row.owner)
    else await erase(world.store, id)
  }

  async function move(world: World, id: DeviceId, to: ServerId | 'any'): Promise<void> {
    const row = await readDevice(world.store, id)
    if (!row.owner || row.desired === 'stopped' || row.owner === to) return
    const asked = await requestMove(world.store, world.clock, {
      device: id,
      from: row.owner,
      to,
      why: 'a test',
    })
    if (asked) await tell(world, asked)
  }

  async function drainAt(world: World, nth: number, thenLeave: boolean): Promise<void> {
    const server = await rowAt(world, nth)
    if (server) await beginDrain(world, server, { askedBy: 'operator', atOnce: 2, thenLeave })
  }

  async function callOffAt(world: World, nth: number): Promise<void> {
    const server = await rowAt(world, nth)
    if (server) await cancelDrain(world, server)
  }

  async function rowAt(world: World, nth: number): Promise<ServerRow | undefined> {
    const running = fleet.at(nth)
    if (!running) return undefined
    return asServer(await world.store.get('Servers', { serverId: running.server.serverId }))
  }

  function work(world: World, { what, device, server }: OperatorRequest): Promise<unknown> {
    const { store, clock, random } = world
    const id = nthDevice(device)
    switch (what) {
      case 'start':
        return start(store, clock, id).then((row) => tell(world, row))
      case 'stop':
        return stop(store, clock, id, 'stopped by the operator').then((row) => tell(world, row))
      case 'restart':
        return restart(store, clock, id).then((row) => tell(world, row))
      case 'logout':
        return logout(store, clock, id, random.id()).then((row) => tell(world, row))
      case 'pair':
        return requestPairingCode(store, clock, id, { phoneNumber: '1', requestId: random.id() }).then(
          (row) => tell(world, row),
        )
      case 'delete':
        return remove(world, id)
      case 'register':
        return registerAt(world, id)
      case 'assign':
        return assign(world, [id])
      case 'move':
        return move(world, id, 'any')
      case 'drain':
      case 'drain-then-leave':
        return drainAt(world, server, what === 'drain-then-leave')
      case 'call-off':
        return callOffAt(world, server)
      case 'move-to': {
        const target = fleet.at(server)?.server.serverId
        return target ? move(world, id, target) : Promise.resolve()
      }
    }
  }

  return {
    ask: (request) => lambdas.call(request.what, (world) => work(world, request)),
    callOff: (nth) => lambdas.call('call-off', (world) => callOffAt(world, nth)),
    register: (nth) => lambdas.call('register', (world) => registerAt(world, nthDevice(nth))),
    start: (nth) =>
      lambdas.call('start', (world) =>
        work(world, { what: 'start', device: nth, server: 0, atMs: 0 }).then(() => undefined),
      ),
  }
}
