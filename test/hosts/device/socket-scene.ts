/** The state of one socket of a device that its server holds, on the test's clock. It asserts nothing
 *  itself. */
import type { Epoch } from '../../../core/ids.ts'
import { permit } from '../../../core/protocol/ownership.ts'
import type { DeviceRow } from '../../../core/store/device-row.ts'
import type { FollowUp } from '../../../hosts/device/follow-up.ts'
import { createPairingLimit } from '../../../hosts/device/pairing-limit.ts'
import { beginSocketState, noteSocket } from '../../../hosts/device/socket-state.ts'
import type { WhatsAppSocket } from '../../../hosts/whatsapp/socket.ts'
import * as build from '../../builders/builders.ts'
import { aHostWorld } from '../host-world.ts'
import { aServerContext } from './connection-scene.ts'

/** What the connection machine decides after every close. */
export const DECIDED: FollowUp = {
  step: { do: 'reconnect', wait: 'backoff' },
  wait: { ms: 5000, leftMs: () => 5000 },
}

export const PAIRING_LIMIT_MS = 600_000

export async function aSocketState(tables: build.Tables, change: Partial<DeviceRow> = {}) {
  const base = await build.aWorld(tables)
  const server = await build.anActiveServer(base, 'web-1')
  const { deviceId } = await build.anOwnedDevice(base, server)
  await base.store.update('Devices', { deviceId }, { set: { ...change, name: 'Phone' }, when: [] })
  const permitted = await permit(base.store, base.clock, deviceId, server.serverId)
  const { world } = aHostWorld(base)
  const guidance = {
    mayOpen: () => true,
    decide: () => DECIDED,
    hasOpened: () => undefined,
    mayReplace: () => true,
  }
  const limit = createPairingLimit(base.clock, PAIRING_LIMIT_MS)
  const state = beginSocketState(world, aServerContext(base, server), permitted, guidance, limit)
  const asked: string[] = []
  const socket: WhatsAppSocket = {
    send: async () => void asked.push('send'),
    requestPairingCode: async (phoneNumber) => {
      asked.push(`code for ${phoneNumber}`)
      return 'ABCD1234'
    },
    logout: async () => void asked.push('logout'),
    close: async () => void asked.push('close'),
    cut: () => void asked.push('cut'),
  }
  noteSocket(state, socket)
  return {
    base,
    state,
    asked,
    /** Another permit makes the socket stale. */
    takeAway: async (): Promise<Epoch> =>
      (await permit(base.store, base.clock, deviceId, server.serverId)).epoch,
    /** The row, when every report is written. */
    async stored() {
      await state.reports.say({ set: {} })
      return build.deviceRow(base.store, deviceId)
    },
  }
}
